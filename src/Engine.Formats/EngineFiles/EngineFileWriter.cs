using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Engine.Formats.Safetensors;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>
/// Writes a model as an engine file (docs/formats.md): a safetensors file with the graph in its metadata. Equal models and provenance give
/// equal bytes.
/// </summary>
public static class EngineFileWriter
{
    /// <summary>
    /// Replaces the file at <paramref name="path"/> in one step. Throws <see cref="FileWriteException"/>, and <see cref="UnsupportedException"/> for what has no place
    /// in the format; the file is then as it was. <paramref name="packed"/> holds constants of the graph in layouts of kernels, to be stored beside them; other weights are left out.
    /// </summary>
    public static void Write(ModelDefinition model, string path, Provenance? provenance = null, IReadOnlyList<PackedWeight>? packed = null) => AtomicFile.Write(path, s => Write(model, s, provenance, packed));

    /// <summary>Writes the file's bytes to a stream.</summary>
    public static void Write(ModelDefinition model, Stream to, Provenance? provenance = null, IReadOnlyList<PackedWeight>? packed = null)
    {
        var sections = new SectionWriter();
        var graph = Json(j => new GraphWriter(j, sections).Write(model, packed ?? []));
        var table = Json(sections.WriteTable);
        var (entries, length) = sections.Layout();
        byte[] header = SafetensorsHeader.Write(
            [
                ("format", "engine"u8.ToArray()),
                (EngineFormat.VersionKey, Encoding.UTF8.GetBytes(EngineFormat.Version.ToString(CultureInfo.InvariantCulture))),
                (EngineFormat.ProvenanceKey, Json(j => ProvenanceJson.Write(j, provenance ?? new()))),
                (EngineFormat.GraphKey, graph),
                (EngineFormat.SectionsKey, table),
            ],
            entries, EngineFormat.Alignment);
        to.Write(header);
        sections.WriteContent(to);
        to.Write(Seal.Make(header, Checked.Add(header.Length, length)));
        GC.KeepAlive(model);
    }

    private static ReadOnlyMemory<byte> Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000 })) write(json);
        return buffer.WrittenMemory;
    }
}
