using System.Globalization;
using System.Text;
using Engine.Formats.Safetensors;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>What an engine file says about itself beside the graph.</summary>
/// <param name="Version">Version of the format.</param>
/// <param name="Provenance">Where the model comes from.</param>
/// <param name="Sections">The tensors, in the order of their bytes.</param>
/// <param name="Packed">Constants in layouts of kernels; their <see cref="PackedWeight.Section"/> is one of the sections.</param>
public sealed record EngineFileInfo(int Version, Provenance Provenance, IReadOnlyList<Section> Sections, IReadOnlyList<PackedWeight> Packed);

/// <summary>
/// Reads engine files. Header, graph, offsets, padding and small sections are always checked; larger sections at load when
/// <see cref="ModelReadOptions.VerifyChecksums"/> is set, else when they are first used. Nothing in the bytes is trusted.
/// </summary>
public static class EngineFileReader
{
    /// <summary>Reads a file. Throws <see cref="InvalidModelException"/>, <see cref="UnsupportedException"/>, <see cref="OperatorException"/> or <see cref="MemoryLimitException"/>.</summary>
    public static ModelDefinition Load(string path, ModelReadOptions? options = null) => Read(SourceBytes.Open(path, (options ?? new()).MapFrom), options).Model;

    /// <summary>Reads a copy of the bytes; <paramref name="name"/> serves messages.</summary>
    public static ModelDefinition Load(ReadOnlyMemory<byte> bytes, ModelReadOptions? options = null, string? name = null) => Read(SourceBytes.Copy(bytes.Span, name), options).Model;

    /// <summary>Reads what a file says about itself beside the graph.</summary>
    public static EngineFileInfo Inspect(string path, ModelReadOptions? options = null) => Read(SourceBytes.Open(path, (options ?? new()).MapFrom), options).Info;

    /// <summary>True for a safetensors file with a graph.</summary>
    internal static bool IsOne(SafetensorsFile file) => file.Header.Metadata.ContainsKey(EngineFormat.VersionKey);

    internal static (ModelDefinition Model, EngineFileInfo Info) Read(SourceBytes source, ModelReadOptions? options)
    {
        options ??= new();
        var file = SafetensorsFile.Open(source, options);
        try
        {
            var metadata = file.Header.Metadata;
            int version = Version(metadata);
            using var table = Json.Parse(Part(metadata, EngineFormat.SectionsKey), file.Budget, "the section table");
            var sections = new SectionReader(file, table.RootElement, options.VerifyChecksums);
            using var graph = Json.Parse(Part(metadata, EngineFormat.GraphKey), file.Budget, "the graph");
            using var provenance = Json.Parse(Part(metadata, EngineFormat.ProvenanceKey), file.Budget, "the provenance");
            var model = new GraphReader(sections, options.Operators, file.Budget).Read(graph.RootElement, source.Name);
            return (model, new EngineFileInfo(version, ProvenanceJson.Read(provenance.RootElement), sections.Sections, model.Packed));
        }
        catch (InvalidModelException e) when (e.File is null && source.Name is not null)
        {
            throw new InvalidModelException(e.Detail, source.Name, e.Offset, e);
        }
        catch (SizeOverflowException e)
        {
            throw new InvalidModelException(e.Message, source.Name, -1, e);
        }
    }

    private static int Version(IReadOnlyDictionary<string, byte[]> metadata)
    {
        if (!metadata.TryGetValue(EngineFormat.VersionKey, out byte[]? text)) throw new InvalidModelException("is a safetensors file without a graph: it holds weights, no model");
        if (!int.TryParse(Encoding.UTF8.GetString(text), NumberStyles.None, CultureInfo.InvariantCulture, out int version) || version < 1) throw new InvalidModelException("its version is no number");
        return version <= EngineFormat.Version ? version : throw new UnsupportedException($"is an engine file of version {version}; the newest one read is {EngineFormat.Version}");
    }

    private static byte[] Part(IReadOnlyDictionary<string, byte[]> metadata, string key) => metadata.TryGetValue(key, out byte[]? text) ? text : throw new InvalidModelException($"metadata '{key}' is missing");
}
