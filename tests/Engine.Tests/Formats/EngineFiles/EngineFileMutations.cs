using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Engine.Formats.EngineFiles;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>Engine files with a changed graph or table, or changed content, and checksums that fit again: what someone with bad intent would write.</summary>
internal static partial class EngineFileMutations
{
    private static readonly string[] s_values = ["0", "-1", "1", "2", "7", "64", "2147483647", "4294967296", "9223372036854775807", "1e308", "null", "\"\"", "[]", "{}", "true"];

    /// <summary>A file with one to three changed tokens, or changed bytes of a section.</summary>
    public static byte[] Of(byte[] file, Random random)
    {
        return With(file, (metadata, header, data) =>
        {
            if (random.Next(4) == 0 && data.Length > 64)
            {
                data[random.Next(data.Length - 64)] ^= (byte)(1 << random.Next(8));
                metadata["engine.sections"] = Resum(metadata["engine.sections"], header, data);
                return;
            }
            string key = random.Next(4) == 0 ? "engine.sections" : "engine.graph";
            for (int k = random.Next(1, 4); k > 0; k--) metadata[key] = Change(metadata[key], random);
        });
    }

    /// <summary>A file with another content of a section, of the same length.</summary>
    public static byte[] WithSection(byte[] file, string section, SpanAction change) => With(file, (metadata, header, data) =>
    {
        var offsets = header.GetProperty(section).GetProperty("data_offsets");
        change(data.AsSpan(offsets[0].GetInt32()..offsets[1].GetInt32()));
        metadata["engine.sections"] = Resum(metadata["engine.sections"], header, data);
    });

    /// <summary>A file with another text in its graph.</summary>
    public static byte[] WithGraph(byte[] file, string text, string with) => With(file, (metadata, _, _) => metadata["engine.graph"] = metadata["engine.graph"].Contains(text, StringComparison.Ordinal)
        ? metadata["engine.graph"].Replace(text, with, StringComparison.Ordinal) : throw new ArgumentException($"no {text} in {metadata["engine.graph"]}"));

    /// <summary>Changes bytes in place.</summary>
    public delegate void SpanAction(Span<byte> bytes);

    private static byte[] With(byte[] file, Action<Dictionary<string, string>, JsonElement, byte[]> change)
    {
        int end = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, end - 8));
        var metadata = header.RootElement.GetProperty("__metadata__").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!);
        byte[] data = file[end..];
        change(metadata, header.RootElement, data);
        return Assemble(metadata, header.RootElement, data);
    }

    private static string Change(string json, Random random)
    {
        var tokens = Tokens().Matches(json);
        if (tokens.Count == 0) return json;
        var at = tokens[random.Next(tokens.Count)];
        string with = random.Next(3) == 0 ? s_values[random.Next(s_values.Length)] : tokens[random.Next(tokens.Count)].Value;
        return json[..at.Index] + with + json[(at.Index + at.Length)..];
    }

    private static string Resum(string table, JsonElement header, byte[] data) => Sums().Replace(table, m =>
    {
        var offsets = header.GetProperty(JsonDocument.Parse(m.Groups[1].Value).RootElement.GetString()!).GetProperty("data_offsets");
        uint crc = Crc32C.Of(data.AsSpan(offsets[0].GetInt32()..offsets[1].GetInt32()));
        return $"{m.Groups[1].Value}:{{\"crc32c\":\"{crc.ToString("x8", CultureInfo.InvariantCulture)}\"";
    });

    private static byte[] Assemble(Dictionary<string, string> metadata, JsonElement old, byte[] data)
    {
        var text = new StringBuilder("{\"__metadata__\":").Append(JsonSerializer.Serialize(metadata));
        foreach (var p in old.EnumerateObject())
            if (p.Name != "__metadata__") text.Append(',').Append(JsonSerializer.Serialize(p.Name)).Append(':').Append(p.Value.GetRawText());
        byte[] json = Encoding.UTF8.GetBytes(text.Append('}').ToString());
        byte[] header = new byte[(8 + json.Length + 63) / 64 * 64];
        Array.Fill(header, (byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - 8);
        json.CopyTo(header, 8);
        return [.. header, .. data[..^64], .. Engine.Formats.EngineFiles.Seal.Make(header, header.Length + data.Length)];
    }

    [GeneratedRegex("\"(?:[^\"\\\\]|\\\\.)*\"(?!:)|-?[0-9.eE+-]+|true|false|null")]
    private static partial Regex Tokens();

    [GeneratedRegex("(\"(?:[^\"\\\\]|\\\\.)*\"):\\{\"crc32c\":\"[0-9a-f]{8}\"")]
    private static partial Regex Sums();
}
