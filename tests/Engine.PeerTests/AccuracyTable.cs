using System.Globalization;
using System.Text;
using Engine.Peers;

namespace Engine.PeerTests;

/// <summary>Rows that the tests of this project add; with <c>ENGINE_WRITE_RESULTS=1</c> they become bench/results/accuracy.md.</summary>
public sealed class AccuracyTable : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, string> _peer = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _classes = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _compressed = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _compressedText = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _text = new(StringComparer.Ordinal);

    /// <summary>One network in every scheme.</summary>
    public StructuredTable Structured { get; } = new();

    /// <summary>A model against ONNX Runtime.</summary>
    public string AddPeer(string model, string input, string measure, double largest, double bound, long values)
    {
        string row = string.Create(CultureInfo.InvariantCulture, $"| {model} | {input} | {values} | {measure} | {largest:0.0e+0} | {bound:0e+0} |");
        lock (_lock) _peer[model + measure] = row;
        return row;
    }

    /// <summary>A classifier over a test set.</summary>
    public string AddClasses(string model, int total, int expected, int correct, int differing, int unclear)
    {
        string row = string.Create(CultureInfo.InvariantCulture, $"| {model} | {total} | {expected / (double)total:P2} | {correct / (double)total:P2} | {differing} | {unclear} |");
        lock (_lock) _classes[model] = row;
        return row;
    }

    /// <summary>A classifier compressed by <c>engine compress</c>.</summary>
    public string AddCompressed(string model, string scheme, long bytes, double exact, double accuracy)
    {
        string row = string.Create(CultureInfo.InvariantCulture, $"| {model} | {scheme} | {bytes / 1000.0:0.0} kB | {exact:P2} | {accuracy:P2} | {(exact - accuracy) * 100:0.00} |");
        lock (_lock) _compressed[model + scheme] = row;
        return row;
    }

    /// <summary>The language model over bytes, compressed by <c>engine compress</c>.</summary>
    public string AddCompressedText(string scheme, long bytes, double exact, double nearest, double compensated)
    {
        string row = string.Create(CultureInfo.InvariantCulture, $"| {scheme} | {bytes / 1000.0:0} kB | {exact:0.0000} | {nearest:0.0000} | {compensated:0.0000} |");
        lock (_lock) _compressedText[1e9 - bytes + scheme] = row;
        return row;
    }

    /// <summary>A language model over bytes on held-out text.</summary>
    public string AddText(string model, string weights, long bytes, double bits, double worse)
    {
        string row = string.Create(CultureInfo.InvariantCulture, $"| {model} | {weights} | {bytes / 1000.0:0} kB | {bits:0.0000} | {worse:+0.0000;−0.0000} |");
        lock (_lock) _text[$"{model}/{1_000_000_000 - bytes}"] = row;
        return row;
    }

    public void Dispose()
    {
        if (Environment.GetEnvironmentVariable("ENGINE_WRITE_RESULTS") == "1") Write();
        Structured.Dispose();
    }

    private void Write()
    {
        var text = new StringBuilder("# Accuracy on real models and data\n\nWritten by `./build.sh accuracy`, from the tests in tests/Engine.PeerTests.\n");
        if (_peer.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## Against ONNX Runtime {OnnxRuntime.Version}, the same inputs in one process\n\n");
            text.Append("| model | input | values | measure | largest | bound |\n|---|---|---:|---|---:|---:|\n");
            foreach (string row in _peer.Values) text.Append(row).Append('\n');
        }
        if (_classes.Count > 0)
        {
            text.Append("\n## Fashion-MNIST, all test images, against the training script's predictions\n\n");
            text.Append("| model | images | accuracy there | accuracy here | classes that differ | of them with a margin of the best two ≥ 1e-4 |\n|---|---:|---:|---:|---:|---:|\n");
            foreach (string row in _classes.Values) text.Append(row).Append('\n');
        }
        if (_compressed.Count > 0)
        {
            text.Append("\n## Fashion-MNIST, all test images, compressed with 512 training images for calibration\n\n");
            text.Append("| model | scheme | ONNX file | accuracy in float | accuracy | points lost |\n|---|---|---:|---:|---:|---:|\n");
            foreach (string row in _compressed.Values) text.Append(row).Append('\n');
        }
        Structured.Append(text);
        if (_text.Count > 0)
        {
            text.Append("\n## Byte-level language model, 131,072 held-out bytes, 842,496 parameters\n\n");
            text.Append("Trained at −1, 0, +1: with the rounding in the forward pass, on top of the f32 model.\n\n");
            text.Append("| model | weights | constants | bits a byte | against the training script's f32 or ternary figure |\n|---|---|---:|---:|---:|\n");
            foreach (string row in _text.Values) text.Append(row).Append('\n');
        }
        if (_compressedText.Count > 0)
        {
            text.Append("\n## The same model compressed by `engine compress`, 16 windows for calibration, 128 others judged: bits a byte\n\n");
            text.Append("| scheme | constants | f32 | nearest codes | error-compensated |\n|---|---:|---:|---:|---:|\n");
            foreach (string row in _compressedText.Values) text.Append(row).Append('\n');
        }
        string path = Path.Combine(Repository.Root, "bench", "results", "accuracy.md");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text.ToString());
    }
}

/// <summary>The tests that share one table.</summary>
[CollectionDefinition(Name)]
public sealed class AccuracyCollection : ICollectionFixture<AccuracyTable>
{
    public const string Name = "accuracy";
}
