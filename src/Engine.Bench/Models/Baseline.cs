using System.Text.Json;
using Engine.Cli;

namespace Engine.Bench;

/// <summary>One row of an earlier run.</summary>
/// <param name="P50">Median milliseconds.</param>
/// <param name="Sha256">Of the model's file.</param>
internal sealed record BaselineRow(double P50, string? Sha256);

/// <summary>An earlier run of <c>engine-bench</c>, as <c>--format json</c> stored it.</summary>
internal sealed class Baseline
{
    private readonly Dictionary<(string Model, int Threads, long Batch), BaselineRow> _rows = [];

    private Baseline(string path, JsonElement root)
    {
        Path = path;
        int version = root.GetProperty("schema_version").GetInt32();
        if (version != Machine.SchemaVersion) throw CommandException.Usage($"{path}: schema version {version}, expected {Machine.SchemaVersion}");
        (Cpu, Isa, Commit) = (Text(root, "cpu"), Text(root, "isa"), Text(root, "engine_commit"));
        foreach (var r in root.GetProperty("models").EnumerateArray())
            _rows[(Text(r, "model"), r.GetProperty("threads").GetInt32(), r.GetProperty("batch").GetInt64())] = new(r.GetProperty("p50_ms").GetDouble(), Text(r, "model_sha256"));
    }

    public string Path { get; }

    public string Cpu { get; }

    public string Isa { get; }

    public string Commit { get; }

    /// <summary>The row of the same model, threads and batch, or null.</summary>
    public BaselineRow? Find(string model, int threads, long batch) => _rows.GetValueOrDefault((model, threads, batch));

    public static Baseline Read(string path)
    {
        if (!File.Exists(path)) throw CommandException.Usage($"--compare {path}: no such file");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(path));
            return new(path, json.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new CommandException(ExitCode.Usage, $"--compare {path}: no result of engine-bench --format json: {e.Message}", e);
        }
    }

    private static string Text(JsonElement from, string key) => from.TryGetProperty(key, out var v) ? v.GetString() ?? "" : "";
}
