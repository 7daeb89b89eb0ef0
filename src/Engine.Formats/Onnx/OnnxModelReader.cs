using Engine.Formats.Onnx.Proto;
using Engine.Graph;
using Engine.Tensors;
using Google.Protobuf;

namespace Engine.Formats.Onnx;

/// <summary>Reads ONNX models (<c>ModelProto</c>), opsets 1 to 22, into graphs. Nothing in the bytes is trusted.</summary>
public static class OnnxModelReader
{
    /// <summary>Newest opset of the ONNX domain that is read.</summary>
    public const int NewestOpset = 22;

    /// <summary>Reads a file; external data is looked for beside it.</summary>
    public static ModelDefinition Load(string path, OnnxReadOptions? options = null)
    {
        options ??= new();
        var source = SourceBytes.Open(path, options.MapFrom, length => CheckLength(length, path));
        return Read(source, path, options.ExternalDataFolder ?? Path.GetDirectoryName(Path.GetFullPath(path)), options);
    }

    /// <summary>Reads a copy of the bytes; <paramref name="name"/> serves messages.</summary>
    public static ModelDefinition Load(ReadOnlyMemory<byte> model, OnnxReadOptions? options = null, string? name = null) =>
        Read(SourceBytes.Copy(model.Span, name), name, options?.ExternalDataFolder, options ?? new());

    /// <summary>Reads a stream to its end; <paramref name="name"/> serves messages.</summary>
    public static ModelDefinition Load(Stream model, OnnxReadOptions? options = null, string? name = null) =>
        Read(SourceBytes.Read(model, options?.MaxMemory ?? int.MaxValue, name), name, options?.ExternalDataFolder, options ?? new());

    internal static ModelDefinition Read(SourceBytes source, string? file, string? folder, OnnxReadOptions options)
    {
        CheckLength(source.Length, file);
        if (source.Length == 0) throw new InvalidModelException("the file is empty", file, 0);
        var budget = LoadBudget.For(source.Length, options.MaxMemory);
        ModelProto model;
        try
        {
            model = ModelProto.Parser.ParseFrom(WireScan.Reduce(source.Slice(0, (int)source.Length), budget, file));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidModelException($"is no ONNX model: {e.Message}", file, -1, e);
        }
        var tensors = new TensorSource(source, new ExternalData(folder, options, budget, file), budget, file);
        return new ModelImporter(model, file, options.Operators, tensors, budget).Import();
    }

    // A protobuf message cannot be longer; larger models keep their tensors in external files.
    private static void CheckLength(long length, string? file)
    {
        if (length > int.MaxValue) throw new InvalidModelException($"has {length} bytes; an ONNX file has less than 2 GiB", file);
    }
}
