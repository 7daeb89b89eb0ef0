using System.Globalization;
using System.Security.Cryptography;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>The files beside a model that hold the contents of tensors; each is opened once.</summary>
internal sealed class ExternalData(string? folder, OnnxReadOptions options, LoadBudget budget, string? file)
{
    private readonly Dictionary<string, SourceBytes> _open = new(StringComparer.Ordinal);
    private readonly HashSet<string> _verified = new(StringComparer.Ordinal);

    /// <summary>Where the content of a tensor of <paramref name="bytes"/> bytes lies.</summary>
    public (SourceBytes Source, long Offset) Find(TensorFields tensor, long bytes)
    {
        if (!tensor.ExternalData.TryGetValue("location", out string? location)) throw Fault("external data has no location");
        if (folder is null) throw Fault($"external data '{location}' cannot be found: the model has no folder");
        if (!_open.TryGetValue(location, out var source))
        {
            using var handle = ContainedFile.Open(folder, location, options.AllowLinkedExternalData, file);
            // The file itself is not counted twice: what is read or mapped is its own content.
            source = SourceBytes.Open(handle, location, options.MapFrom);
            budget.Raise(source.Length);
            _open.Add(location, source);
        }
        long offset = Number("offset", 0);
        long length = Number("length", bytes);
        if (length != bytes) throw Fault($"external data '{location}' gives {length} bytes where {bytes} are needed");
        if (offset > source.Length - length) throw Fault($"external data '{location}' has {source.Length} bytes; {length} from {offset} on are asked for");
        if (options.VerifyChecksums && tensor.ExternalData.TryGetValue("checksum", out string? checksum)) Verify(location, source, checksum);
        return (source, offset);

        long Number(string key, long fallback)
        {
            if (!tensor.ExternalData.TryGetValue(key, out string? text)) return fallback;
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long v) ? v : throw Fault($"external data has {key} '{text}'");
        }
        InvalidModelException Fault(string what) => new($"tensor '{tensor.Name}': {what}", file);
    }

    // The format asks for SHA-1 of the whole file: a guard against damage, not against an attacker.
    private unsafe void Verify(string location, SourceBytes source, string checksum)
    {
        if (!_verified.Add(location + '\0' + checksum)) return;
        using var stream = new UnmanagedMemoryStream(source.Storage.Pointer, source.Length);
#pragma warning disable CA5350
        string found = Convert.ToHexString(SHA1.HashData(stream));
#pragma warning restore CA5350
        GC.KeepAlive(source);
        if (!string.Equals(found, checksum, StringComparison.OrdinalIgnoreCase)) throw new InvalidModelException($"external data '{location}' has SHA-1 {found}, the model says {checksum}", file);
    }
}
