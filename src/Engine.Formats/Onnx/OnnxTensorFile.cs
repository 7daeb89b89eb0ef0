using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>
/// Reads a bare <c>TensorProto</c>, <c>SequenceProto</c> or <c>OptionalProto</c>, as test cases store inputs and outputs. The bytes do not say
/// which of the three they are: the declared type does.
/// </summary>
public static class OnnxTensorFile
{
    // Fields of SequenceProto and OptionalProto, which are numbered alike.
    private const int TensorField = 3, SparseField = 4, SequenceField = 5, MapField = 6, OptionalField = 7;

    // Nesting of sequences and optionals.
    private const int MaxDepth = 64;

    /// <summary>Reads a file as a value of <paramref name="type"/>; null means a tensor.</summary>
    public static RuntimeValue Read(string path, DeclaredType? type = null)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidModelException($"cannot be read: {e.Message}", path, -1, e);
        }
        return Read(bytes, type, path);
    }

    /// <summary>Reads bytes as a value of <paramref name="type"/>; <paramref name="name"/> serves messages.</summary>
    public static RuntimeValue Read(ReadOnlySpan<byte> bytes, DeclaredType? type = null, string? name = null) =>
        Read(bytes, 0, type, new TensorReader(LoadBudget.For(bytes.Length, null), name), name, 0);

    private static RuntimeValue Read(ReadOnlySpan<byte> bytes, long offset, DeclaredType? type, TensorReader tensors, string? file, int depth)
    {
        if (depth > MaxDepth) throw new InvalidModelException($"values are nested deeper than {MaxDepth}", file, offset);
        switch (type)
        {
            case DeclaredType.Sequence s:
                var items = new List<RuntimeValue>();
                for (var r = new WireReader(bytes, offset, file); r.Next();)
                    if (r.Field is >= TensorField and <= OptionalField) items.Add(Item(ref r, s.Element, tensors, file, depth));
                return new TensorSequence(items, (s.Element as DeclaredType.Tensor)?.DType ?? DType.Undefined);
            case DeclaredType.Optional o:
                RuntimeValue value = AbsentValue.Instance;
                for (var r = new WireReader(bytes, offset, file); r.Next();)
                    if (r.Field is >= TensorField and <= OptionalField) value = Item(ref r, o.Element, tensors, file, depth);
                return value;
            default:
                return tensors.Read(bytes, offset, out _);
        }
    }

    private static RuntimeValue Item(ref WireReader r, DeclaredType element, TensorReader tensors, string? file, int depth)
    {
        DeclaredType type = (r.Field, element) switch
        {
            (TensorField, DeclaredType.Tensor) or (SequenceField, DeclaredType.Sequence) or (OptionalField, DeclaredType.Optional) => element,
            (SparseField or MapField, _) => throw new UnsupportedException($"{file}: sparse tensors and maps are not supported as values"),
            _ => throw r.Fault($"expected {element}, found field {r.Field}"),
        };
        if (r.Type != WireType.Bytes) throw r.Fault($"field {r.Field} has wire type {(int)r.Type}");
        return Read(r.Content, r.ContentOffset, type, tensors, file, depth + 1);
    }
}
