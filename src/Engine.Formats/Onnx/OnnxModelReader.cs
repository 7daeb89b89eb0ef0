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
    public static ModelDefinition Load(string path, OnnxReadOptions? options = null) => Read(ReadFile(path), path, options ?? new());

    /// <summary>Reads bytes; <paramref name="name"/> serves messages.</summary>
    public static ModelDefinition Load(ReadOnlyMemory<byte> model, OnnxReadOptions? options = null, string? name = null) =>
        Read(model.ToArray(), name, options ?? new());

    /// <summary>Reads a stream to its end; <paramref name="name"/> serves messages.</summary>
    public static ModelDefinition Load(Stream model, OnnxReadOptions? options = null, string? name = null)
    {
        using var m = new MemoryStream();
        model.CopyTo(m);
        return Read(m.ToArray(), name, options ?? new());
    }

    internal static byte[] ReadFile(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidModelException($"cannot be read: {e.Message}", path, -1, e);
        }
    }

    private static ModelDefinition Read(byte[] bytes, string? file, OnnxReadOptions options)
    {
        if (bytes.Length == 0) throw new InvalidModelException("the file is empty", file, 0);
        ModelProto model;
        try
        {
            model = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidModelException($"is no ONNX model: {e.Message}", file, -1, e);
        }
        return new ModelImporter(model, file, options, LoadBudget.For(bytes.Length, options.MaxMemory)).Import();
    }
}
