using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.CSources;

/// <summary>
/// Reads the recurrent networks of RNNoise (<c>rnn_data.c</c>) and of Opus' detector of speech and music (<c>mlp_data.c</c>) from the C sources that hold their 8-bit weights. Their functions tanh and
/// sigmoid are exact here; the C programs look them up in a table of 201 entries and go on from there by a parabola, which differs by less than 1e-5 in the results.
/// </summary>
public static class CSourceReader
{
    /// <summary>Features of a frame of 10 ms at 48 kHz that RNNoise takes.</summary>
    public const int RnnoiseFeatures = 42;

    private const float RnnoiseScale = 1f / 256, OpusScale = 1f / 128;
    private const int MaxBytes = 16 << 20;

    /// <summary>True for bytes that begin as a C source does, with a comment or a preprocessor line.</summary>
    public static bool IsOne(ReadOnlySpan<byte> begin) => begin.StartsWith("/*"u8) || begin.StartsWith("//"u8) || begin.StartsWith("#include"u8);

    /// <summary>True for a file that begins so; false where it cannot be read.</summary>
    public static bool IsOne(string path)
    {
        try
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            Span<byte> begin = stackalloc byte[8];
            return IsOne(begin[..RandomAccess.Read(handle, begin, 0)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false;
        }
    }

    /// <summary>Reads a file. Throws <see cref="InvalidModelException"/> with the byte at fault.</summary>
    public static ModelDefinition Load(string path) => Read(SourceBytes.Open(path, long.MaxValue, n => RequireLength(n, path)));

    /// <summary>Reads the bytes of a file; <paramref name="name"/> serves messages.</summary>
    public static ModelDefinition Read(ReadOnlyMemory<byte> bytes, string? name = null)
    {
        RequireLength(bytes.Length, name);
        return Read(bytes.Span, name);
    }

    internal static ModelDefinition Read(SourceBytes source)
    {
        RequireLength(source.Length, source.Name);
        return Read(source.Slice(0, (int)source.Length), source.Name);
    }

    private static ModelDefinition Read(ReadOnlySpan<byte> text, string? file)
    {
        var tables = CTables.Parse(text, file);
        var networks = tables.Records.Where(r => r.Type == "RNNModel").ToList();
        if (networks.Count > 1) throw new InvalidModelException($"holds {networks.Count} networks, expected one", file);
        var graph = networks.Count == 1 ? Rnnoise(tables, networks[0]) : Opus(tables);
        return new ModelDefinition(graph) { Source = file, Opsets = new Dictionary<string, int> { [""] = LayerGraph.Opset } };
    }

    // A record of sizes and layers: input dense, GRUs of voice, noise and denoising, then dense ones of gains and voice.
    private static ModelGraph Rnnoise(CTables tables, CRecord network)
    {
        if (network.Fields.Count != 12) throw new InvalidModelException($"network '{network.Name}' has {network.Fields.Count} fields, expected 12", tables.File);
        LayerTables Layer(int i)
        {
            var (size, layer) = (network.Fields[2 * i], network.Fields[2 * i + 1]);
            var t = LayerTables.Of(tables, layer.Name ?? throw new InvalidModelException($"network '{network.Name}' has the number {layer.Number} in place of a layer", tables.File));
            return size.Name is null && size.Number == t.Neurons ? t : throw new InvalidModelException($"layer '{t.Name}' has {t.Neurons} neurons, the network states {size.Name ?? size.Number.ToString(System.Globalization.CultureInfo.InvariantCulture)}", tables.File);
        }
        LayerTables input = Layer(0), voice = Layer(1), noise = Layer(2), denoise = Layer(3), gains = Layer(4), speech = Layer(5);
        var g = new LayerGraph("rnnoise", RnnoiseScale, tables.File);
        var x = g.Input("features", RnnoiseFeatures);
        var dense = g.Dense(x, RnnoiseFeatures, input);
        var voices = g.Gru(dense, input.Neurons, voice);
        var noises = g.Gru(g.Concat("noise.features", dense, voices, x), input.Neurons + voice.Neurons + RnnoiseFeatures, noise);
        var clean = g.Gru(g.Concat("denoise.features", voices, noises, x), voice.Neurons + noise.Neurons + RnnoiseFeatures, denoise);
        g.Output(g.Dense(clean, denoise.Neurons, gains, "gains"), gains.Neurons);
        g.Output(g.Dense(voices, voice.Neurons, speech, "speech"), speech.Neurons);
        return g.Graph;
    }

    private static ModelGraph Opus(CTables tables)
    {
        LayerTables input = LayerTables.Of(tables, "layer0"), memory = LayerTables.Of(tables, "layer1"), output = LayerTables.Of(tables, "layer2");
        var g = new LayerGraph("opus", OpusScale, tables.File);
        var x = g.Input("features", input.Inputs);
        var states = g.Gru(g.Dense(x, input.Inputs, input), input.Neurons, memory);
        g.Output(g.Dense(states, memory.Neurons, output, "probabilities"), output.Neurons);
        return g.Graph;
    }

    private static void RequireLength(long length, string? file)
    {
        if (length > MaxBytes) throw new InvalidModelException($"has {length} bytes; a C source of weights has at most {MaxBytes}", file);
    }
}
