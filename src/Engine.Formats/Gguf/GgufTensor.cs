using Engine.Tensors;

namespace Engine.Formats.Gguf;

/// <summary>One tensor of a GGUF file: its place is checked, its content is read when asked for.</summary>
public sealed class GgufTensor
{
    private readonly SourceBytes _source;
    private readonly long _start;

    internal GgufTensor(string name, GgufType type, Shape shape, SourceBytes source, long start) => (Name, Type, Shape, _source, _start) = (name, type, shape, source, start);

    /// <summary>Name in the file.</summary>
    public string Name { get; }

    /// <summary>Element type in the file.</summary>
    public GgufType Type { get; }

    /// <summary>Dimensions, outermost first: the file's order reversed.</summary>
    public Shape Shape { get; }

    /// <summary>Bytes in the file.</summary>
    public long Bytes => Checked.Mul(Shape.Elements / Type.BlockElements(), Type.BlockBytes());

    /// <summary>True for a type that <see cref="ToWeight"/> reads.</summary>
    public bool IsReadable => Dense(Type) is not null || GgufBlocks.Reads(Type);

    /// <summary>The form of <see cref="ToWeight"/>, as <see cref="Weight.Describe"/> writes it; null for a type that is not read.</summary>
    public string? Scheme => Dense(Type) is not null ? "Dense" : GgufBlocks.Reads(Type) ? GgufBlocks.Read(Type, new Shape(0, Type.BlockElements()), []).Describe() : null;

    /// <summary>
    /// The content as an expression that decodes to ggml's values bit for bit: dense types as views of the file, blocks as
    /// <see cref="Quantized"/> weights of reordered codes. Throws <see cref="UnsupportedException"/> for types of code books.
    /// </summary>
    public Weight ToWeight()
    {
        if (Dense(Type) is { } dtype) return new Dense(Content(dtype));
        if (!GgufBlocks.Reads(Type)) throw new UnsupportedException($"{_source.Name}: tensor '{Name}' has type {Type}, which is not read");
        return GgufBlocks.Read(Type, Shape, Content(DType.U8).Bytes);
    }

    private static DType? Dense(GgufType t) => t switch
    {
        GgufType.F32 => DType.F32,
        GgufType.F16 => DType.F16,
        GgufType.BF16 => DType.BF16,
        GgufType.F64 => DType.F64,
        GgufType.I8 => DType.I8,
        GgufType.I16 => DType.I16,
        GgufType.I32 => DType.I32,
        GgufType.I64 => DType.I64,
        _ => null,
    };

    private Tensor Content(DType dtype)
    {
        var shape = dtype == DType.U8 ? new Shape(Bytes) : Shape;
        int length = Checked.Int(Bytes);
        if (_source.View(dtype, shape, _start) is { } view) return view;
        var copy = Tensor.Allocate(dtype, shape);
        _source.Slice(_start, length).CopyTo(copy.Bytes);
        return copy;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Type} {Shape}";
}
