using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Engine.Formats;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>What a measurement belongs to, beside the machine: an operator with its attributes, the shapes it ran on, the form of its weight, the threads.</summary>
/// <param name="Operator">Operator and attributes, or <c>Model</c> for a whole float model.</param>
/// <param name="Shapes">Types of the operands.</param>
/// <param name="Form">The scheme.</param>
/// <param name="Threads">Threads of the run.</param>
public sealed record LatencyKey(string Operator, string Shapes, string Form, int Threads);

/// <summary>
/// Measured latencies of one machine, kept in a JSON file. Choices come from the table alone, never from the clock: the same table gives the
/// same result, and its hash goes to a model's provenance.
/// </summary>
public sealed class LatencyTable
{
    private const int SchemaVersion = 1;

    private readonly Dictionary<LatencyKey, (long Nanoseconds, string Kernel, long? Tail)> _entries = [];

    /// <summary>Creates an empty table.</summary>
    /// <param name="machine">Processor, instruction sets and tier that everything in the table was measured on.</param>
    public LatencyTable(string machine) => Machine = machine;

    /// <summary>Where the entries were measured.</summary>
    public string Machine { get; }

    /// <summary>Number of entries.</summary>
    public int Count => _entries.Count;

    /// <summary>What was measured.</summary>
    public IEnumerable<LatencyKey> Keys => _entries.Keys;

    /// <summary>Median nanoseconds of a run, or null where it was not measured.</summary>
    public long? Find(LatencyKey key) => _entries.TryGetValue(key, out var e) ? e.Nanoseconds : null;

    /// <summary>The kernel that ran, as <c>stem tier</c>.</summary>
    public string? Kernel(LatencyKey key) => _entries.TryGetValue(key, out var e) ? e.Kernel : null;

    /// <summary>Nanoseconds that 95 of 100 runs do not exceed, or null where that was not measured.</summary>
    public long? Tail(LatencyKey key) => _entries.TryGetValue(key, out var e) ? e.Tail : null;

    /// <summary>Adds or replaces an entry: the median, and what 95 of 100 runs do not exceed.</summary>
    public void Set(LatencyKey key, long nanoseconds, string kernel, long? tail = null) => _entries[key] = (Math.Max(1, nanoseconds), kernel, tail);

    /// <summary>SHA-256 of the content, in lower-case hex; independent of the order in which entries were added.</summary>
    public string Sha256() => Convert.ToHexStringLower(SHA256.HashData(ToJson()));

    /// <summary>Where the table of this machine lies when nothing else is said: below the user's cache folder.</summary>
    public static string DefaultPath(string machine)
    {
        string cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } x ? x
            : OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData) : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(cache, "engine", $"latency-{Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(machine)))[..12]}.json");
    }

    /// <summary>Reads a table. Throws <see cref="DataFormatException"/>.</summary>
    public static LatencyTable Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            if (root.GetProperty("schema_version").GetInt32() != SchemaVersion) throw new DataFormatException($"is a latency table of another version than {SchemaVersion}", path);
            var table = new LatencyTable(root.GetProperty("machine").GetString()!);
            foreach (var e in root.GetProperty("entries").EnumerateArray())
            {
                long ns = e.GetProperty("ns").GetInt64();
                if (ns <= 0) throw new DataFormatException($"holds a latency of {ns} ns", path);
                table.Set(new LatencyKey(e.GetProperty("operator").GetString()!, e.GetProperty("shapes").GetString()!, e.GetProperty("form").GetString()!, e.GetProperty("threads").GetInt32()), ns, e.GetProperty("kernel").GetString()!, e.TryGetProperty("p95_ns", out var tail) ? tail.GetInt64() : null);
            }
            return table;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new DataFormatException($"is no latency table: {e.Message}", path, -1, e);
        }
    }

    /// <summary>Writes the table, whole or not at all. Throws <see cref="FileWriteException"/>.</summary>
    public void Write(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FileWriteException($"cannot be written: {e.Message}", path, e);
        }
        AtomicFile.Write(path, s => s.Write(ToJson()));
    }

    private byte[] ToJson()
    {
        using var m = new MemoryStream();
        using (var w = new Utf8JsonWriter(m, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            w.WriteStartObject();
            w.WriteNumber("schema_version", SchemaVersion);
            w.WriteString("machine", Machine);
            w.WriteStartArray("entries");
            foreach (var (k, v) in _entries.OrderBy(e => string.Create(CultureInfo.InvariantCulture, $"{e.Key.Operator}\n{e.Key.Shapes}\n{e.Key.Form}\n{e.Key.Threads:0000}"), StringComparer.Ordinal))
            {
                w.WriteStartObject();
                w.WriteString("operator", k.Operator);
                w.WriteString("shapes", k.Shapes);
                w.WriteString("form", k.Form);
                w.WriteNumber("threads", k.Threads);
                w.WriteString("kernel", v.Kernel);
                w.WriteNumber("ns", v.Nanoseconds);
                if (v.Tail is { } tail) w.WriteNumber("p95_ns", tail);
                w.WriteEndObject();
            }
            w.WriteEndArray();
            w.WriteEndObject();
        }
        return m.ToArray();
    }
}
