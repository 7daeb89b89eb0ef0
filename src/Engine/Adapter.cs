using Engine.Formats;
using Engine.Formats.Safetensors;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine;

/// <summary>
/// Changes to a model's weights that are stored apart from it: for each adapted layer a matrix [outputs, inputs] in any form, to be added. A few
/// megabytes stand for a tuned model, and one base serves many of them. Immutable.
/// </summary>
public sealed class Adapter
{
    private readonly IReadOnlyDictionary<string, Weight> _deltas;

    /// <summary>An adapter of the given changes.</summary>
    /// <param name="name">What errors call it.</param>
    /// <param name="deltas">By constant of the model, or the layer's name without <c>.weight</c>: [outputs, inputs].</param>
    public Adapter(string name, IReadOnlyDictionary<string, Weight> deltas)
    {
        (Name, _deltas) = (name, deltas);
        foreach (var (layer, w) in deltas)
            if (w.Shape.Rank != 2) throw new InvalidModelException($"adapter '{name}', layer '{layer}': a matrix is expected, not {w.Shape}");
    }

    /// <summary>What it is called: the file's name.</summary>
    public string Name { get; }

    /// <summary>Names of the adapted layers.</summary>
    public IEnumerable<string> Layers => _deltas.Keys;

    /// <summary>Bytes of the changes.</summary>
    public long StoredBytes => _deltas.Values.Sum(w => w.StoredBytes);

    /// <summary>
    /// Reads a safetensors file of low-rank or Kronecker adapters; see <see cref="AdapterFile"/>. Throws <see cref="InvalidModelException"/> naming layer and
    /// shapes, <see cref="DataFormatException"/> or <see cref="UnsupportedException"/>.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="scale">Factor of all changes: α / rank for LoRA, where the file does not hold α.</param>
    /// <param name="names">The model's constant for a layer of the file, where they are called differently.</param>
    public static Adapter Load(string path, float scale = 1, IReadOnlyDictionary<string, string>? names = null)
    {
        var deltas = new Dictionary<string, Weight>(StringComparer.Ordinal);
        foreach (var (layer, w) in AdapterFile.Read(path, scale)) deltas.Add(names?.GetValueOrDefault(layer) ?? layer, w);
        return new(Path.GetFileName(path), deltas);
    }

    /// <summary>The constants of a graph that it changes, each with what is added, laid out as the constant is. Throws <see cref="InputException"/> where a layer is not in the graph or does not fit.</summary>
    internal IEnumerable<(Value Constant, Weight Delta)> On(IReadOnlyList<(Value Constant, Node Reader)> products)
    {
        foreach (var (layer, delta) in _deltas)
        {
            var of = products.Where(p => p.Constant.Name == layer || p.Constant.Name == layer + ".weight").ToList();
            if (of.Count == 0) throw new InputException($"adapter '{Name}': no matrix product of the model has a constant '{layer}' or '{layer}.weight'", layer);
            foreach (var (constant, reader) in of.DistinctBy(p => p.Constant))
            {
                bool turned = reader.Op is not (Gemm or FusedMatMul) || !reader.Op.Attributes.Bool("transB");
                var w = turned ? Turned(delta) : delta;
                if (w.Shape != constant.Constant!.Shape) throw new InputException($"adapter '{Name}', layer '{layer}': {w.Shape} does not fit the model's {constant.Constant.Shape}", layer);
                yield return (constant, w);
            }
        }
    }

    private static Weight Turned(Weight w) => w switch
    {
        LowRank l => new LowRank(new Shape(l.Columns, l.Rows), l.V, l.U, l.Rank),
        Kronecker k => new Kronecker(Turned(k.A), Turned(k.B)),
        _ => new Dense(w.ToF32().Transposed()),
    };
}
