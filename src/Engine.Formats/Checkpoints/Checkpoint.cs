using Engine.Formats.Gguf;
using Engine.Formats.Safetensors;
using Engine.Tensors;

namespace Engine.Formats.Checkpoints;

/// <summary>
/// Weights by name from safetensors and GGUF files, in whatever layout they are stored: plain tensors, GGUF's blocks, and the layers of GPTQ,
/// AWQ and compressed-tensors, which appear as one weight <c>layer.weight</c> of shape [outputs, inputs].
/// </summary>
public sealed class Checkpoint
{
    private readonly Dictionary<string, Func<DType, Weight>> _weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _layouts = new(StringComparer.Ordinal);

    private Checkpoint()
    {
    }

    /// <summary>The names of the weights, in the order of the files.</summary>
    public IEnumerable<string> Names => _weights.Keys;

    /// <summary>Opens files whose names do not repeat each other: the parts of one checkpoint.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="gptqV2">GPTQ layers hold their zero points as they are, not less one: no file says so by itself.</param>
    /// <param name="options">How files are read.</param>
    public static Checkpoint Open(IEnumerable<string> paths, bool gptqV2 = false, ModelReadOptions? options = null)
    {
        var c = new Checkpoint();
        foreach (string p in paths)
        {
            if (GgufFile.IsOne(p)) c.Add(p, GgufFile.Open(p, options));
            else c.Add(SafetensorsFile.Open(p, options), gptqV2);
        }
        return c;
    }

    /// <summary>The weights of an open file.</summary>
    public static Checkpoint Of(SafetensorsFile file, bool gptqV2 = false)
    {
        var c = new Checkpoint();
        c.Add(file, gptqV2);
        return c;
    }

    /// <summary>How a weight is stored: <c>plain</c>, <c>gptq</c>, <c>awq</c>, <c>pack-quantized</c>, <c>naive-quantized</c> or <c>sparse-24-bitmask</c>, or a type of GGUF; null for a name that is not there.</summary>
    public string? LayoutOf(string name) => _layouts.GetValueOrDefault(name);

    /// <summary>
    /// Reads a weight. Packed layers decode to <paramref name="dtype"/> (f32, f16 or bf16); plain tensors have the type they are stored in. Throws
    /// <see cref="InvalidModelException"/> with the layer's name where parts are missing or do not fit each other.
    /// </summary>
    public Weight Read(string name, DType dtype = DType.F32) => _weights.TryGetValue(name, out var read) ? read(dtype) : throw new InvalidModelException($"no checkpoint has a weight '{name}'");

    private void Add(string path, GgufFile file)
    {
        foreach (var t in file.Tensors) Add(path, t.Name, t.Scheme == "Dense" ? "plain" : t.Type.ToString(), _ => t.ToWeight());
    }

    private void Add(SafetensorsFile file, bool gptqV2)
    {
        // A packed layer is unpacked into memory of its own.
        file.Budget.Raise(file.Length);
        var parts = new HashSet<string>(StringComparer.Ordinal);
        foreach (var e in file.Entries)
        {
            if (Layer(file, e.Name) is not { } layer) continue;
            parts.UnionWith(layer.Parts.Select(p => layer.Prefix + p));
            (string layout, Func<DType, Weight> read) = e.Name[layer.Prefix.Length..] switch
            {
                ".qweight" when AwqLayer.Fits(layer) => ("awq", dtype => AwqLayer.Read(layer, dtype)),
                ".qweight" => ("gptq", dtype => GptqLayer.Read(layer, gptqV2, dtype)),
                ".weight_packed" => ("pack-quantized", dtype => PackQuantizedLayer.Read(layer, dtype)),
                ".bitmask" => ("sparse-24-bitmask", dtype => BitmaskLayer.Read(layer)),
                _ => ("naive-quantized", (Func<DType, Weight>)(dtype => NaiveQuantizedLayer.Read(layer, dtype))),
            };
            Add(file.Path, $"{layer.Prefix}.weight", layout, dtype => layer.Guard(() => read(dtype)));
        }
        foreach (var e in file.Entries)
            if (!parts.Contains(e.Name)) Add(file.Path, e.Name, "plain", _ => new Dense(file.Read(e.Name)));
    }

    private void Add(string? path, string name, string layout, Func<DType, Weight> read)
    {
        if (!_weights.TryAdd(name, read)) throw new InvalidModelException($"weight '{name}' is given twice", path);
        _layouts.Add(name, layout);
    }

    // The layer that a tensor is the codes of, or null.
    private static LayerTensors? Layer(SafetensorsFile file, string name)
    {
        foreach (var (suffix, parts) in (ReadOnlySpan<(string, string[])>)[
            (".qweight", [".qweight", ".qzeros", ".scales", ".g_idx"]),
            (".weight_packed", [".weight_packed", ".weight_scale", ".weight_zero_point", ".weight_g_idx", ".weight_shape"]),
            (".bitmask", [".bitmask", ".compressed", ".shape"]),
            (".weight", [".weight", ".weight_scale", ".weight_zero_point"])])
        {
            if (!name.EndsWith(suffix, StringComparison.Ordinal)) continue;
            var layer = new LayerTensors(file, name[..^suffix.Length], parts);
            return suffix != ".weight" || layer.Has(".weight_scale") && file.Find(name)!.DType is DType.I8 or DType.F8E4M3FN ? layer : null;
        }
        return null;
    }
}
