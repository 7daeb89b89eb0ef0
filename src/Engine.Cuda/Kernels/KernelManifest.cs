using System.Text.Json.Serialization;

namespace Engine.Cuda;

/// <summary>What <c>kernels/manifest.json</c> says: every PTX file, its entries and the hashes that show whether it is what the sources make.</summary>
public sealed record KernelManifest(
    [property: JsonPropertyName("compiler")] string Compiler,
    [property: JsonPropertyName("headers_sha256")] string HeadersSha256,
    [property: JsonPropertyName("files")] IReadOnlyList<KernelFile> Files);

/// <summary>A PTX file: one stem for one target.</summary>
public sealed record KernelFile(
    [property: JsonPropertyName("file")] string Name,
    [property: JsonPropertyName("source")] string Source,
    [property: JsonPropertyName("source_sha256")] string SourceSha256,
    [property: JsonPropertyName("ptx_sha256")] string PtxSha256,
    [property: JsonPropertyName("target")] string Target,
    [property: JsonPropertyName("isa")] string Isa,
    [property: JsonPropertyName("entries")] IReadOnlyList<KernelEntry> Entries)
{
    /// <summary>The stem, as <c>softmax</c>.</summary>
    public string Stem => Name[..Name.IndexOf('.', StringComparison.Ordinal)];

    /// <summary>The least compute capability, 80 for sm_80.</summary>
    public int Capability => int.Parse(Target.AsSpan(3).TrimEnd('a'), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>True where it runs on that capability alone, as sm_90a does.</summary>
    public bool IsSpecific => Target.EndsWith('a');

    /// <summary>Whether a device of compute capability <paramref name="capability"/> runs it.</summary>
    public bool RunsOn(int capability) => IsSpecific ? capability == Capability : capability >= Capability;
}

/// <summary>A kernel of a file.</summary>
public sealed record KernelEntry(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("threads")] int Threads,
    [property: JsonPropertyName("min_blocks")] int MinBlocks,
    [property: JsonPropertyName("shared_bytes")] int SharedBytes,
    [property: JsonPropertyName("dynamic_shared")] bool HasDynamicShared,
    [property: JsonPropertyName("arguments")] IReadOnlyList<KernelArgument> Arguments,
    [property: JsonPropertyName("argument_bytes")] int ArgumentBytes);

/// <summary>An argument of a kernel: PTX type (<c>b8</c> for a struct), offset and length in the block of arguments.</summary>
public sealed record KernelArgument(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("type")] string Type,
    [property: JsonPropertyName("offset")] int Offset,
    [property: JsonPropertyName("bytes")] int Bytes);

[JsonSerializable(typeof(KernelManifest))]
internal sealed partial class ManifestJson : JsonSerializerContext;
