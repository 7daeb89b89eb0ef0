using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Tensors;

/// <summary>A run-time value that a wire can carry: a <see cref="Tensor"/>, a <see cref="TensorSequence"/> or an <see cref="AbsentValue"/>.</summary>
public abstract class RuntimeValue;

/// <summary>An ordered list of values of one type.</summary>
public sealed class TensorSequence(IReadOnlyList<RuntimeValue> items, DType elementType = DType.Undefined) : RuntimeValue
{
    /// <summary>The values.</summary>
    public IReadOnlyList<RuntimeValue> Items { get; } = items;

    /// <summary>Element type of the tensors, where known (an empty sequence has no other witness).</summary>
    public DType ElementType { get; } = elementType;
}

/// <summary>An optional value that is not there.</summary>
public sealed class AbsentValue : RuntimeValue
{
    /// <summary>The one instance.</summary>
    public static AbsentValue Instance { get; } = new();
}

/// <summary>
/// A host tensor: contiguous, row-major. Numbers lie at a fixed address; strings in a managed array.
/// Packed 4-bit types hold two elements a byte, low nibble first.
/// </summary>
public sealed unsafe class Tensor : RuntimeValue
{
    private readonly TensorStorage? _storage;
    private readonly string[]? _strings;
    private readonly long _offset;

    /// <summary>A view of <paramref name="storage"/> from a byte offset.</summary>
    public Tensor(DType dtype, Shape shape, TensorStorage storage, long offset = 0)
    {
        if (!dtype.IsDefined() || dtype == DType.String) throw new UnsupportedException($"element type {dtype.Display()} has no byte storage");
        long bytes = dtype.ByteCount(shape.Elements);
        if (offset < 0 || Checked.Add(offset, bytes) > storage.Length) throw new SizeOverflowException($"a tensor {dtype.Display()}{shape} of {bytes} bytes at offset {offset} exceeds its storage of {storage.Length} bytes");
        (DType, Shape, _storage, _offset) = (dtype, shape, storage, offset);
    }

    /// <summary>A tensor of strings.</summary>
    public Tensor(Shape shape, string[] strings)
    {
        if (shape.Elements != strings.Length) throw new SizeOverflowException($"{strings.Length} strings do not fill shape {shape}");
        (DType, Shape, _strings) = (DType.String, shape, strings);
    }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Dimensions.</summary>
    public Shape Shape { get; }

    /// <summary>The memory the content lies in; null for strings.</summary>
    internal TensorStorage? Storage => _storage;

    /// <summary>Element type and shape.</summary>
    public TensorType Type => new(DType, Shape);

    /// <summary>Bytes of content; 0 for strings.</summary>
    public long ByteLength => DType.ByteCount(Shape.Elements);

    /// <summary>First byte of content. Keep the tensor alive while it is used.</summary>
    public byte* Pointer => _storage is null ? throw NoBytes() : _storage.Pointer + _offset;

    /// <summary>The content as bytes.</summary>
    public Span<byte> Bytes => _storage is null ? throw NoBytes() : _storage.Slice(_offset, Checked.Int(ByteLength));

    /// <summary>The strings.</summary>
    public string[] Strings => _strings ?? throw new OperatorException($"expected a string tensor, got {DType.Display()}");

    /// <summary>A new tensor of zeros (or empty strings).</summary>
    public static Tensor Allocate(DType dtype, Shape shape)
    {
        if (dtype != DType.String) return new(dtype, shape, TensorStorage.Allocate(dtype.ByteCount(shape.Elements)));
        var s = new string[shape.Count];
        Array.Fill(s, "");
        return new(shape, s);
    }

    /// <summary>A new tensor with a copy of <paramref name="values"/>.</summary>
    public static Tensor From<T>(Shape shape, ReadOnlySpan<T> values) where T : unmanaged
    {
        if (shape.Elements != values.Length) throw new SizeOverflowException($"{values.Length} values do not fill shape {shape}");
        var t = Allocate(DTypeOf<T>.Value, shape);
        MemoryMarshal.AsBytes(values).CopyTo(t.Bytes);
        return t;
    }

    /// <summary>A new tensor with a copy of <paramref name="values"/>.</summary>
    public static Tensor From<T>(Shape shape, T[] values) where T : unmanaged => From(shape, (ReadOnlySpan<T>)values);

    /// <summary>A tensor over a caller's own memory, which stays pinned while the tensor lives: reads and writes go straight to it.</summary>
    public static Tensor Wrap<T>(Shape shape, Memory<T> memory) where T : unmanaged
    {
        if (shape.Elements != memory.Length) throw new SizeOverflowException($"{memory.Length} values do not fill shape {shape}");
        return new(DTypeOf<T>.Value, shape, TensorStorage.Pin(memory));
    }

    /// <summary>A new one-dimensional tensor.</summary>
    public static Tensor Vector<T>(params ReadOnlySpan<T> values) where T : unmanaged => From(new Shape(values.Length), values);

    /// <summary>A new scalar.</summary>
    public static Tensor Scalar<T>(T value) where T : unmanaged => From(Shape.Scalar, [value]);

    /// <summary>The content as elements of <typeparamref name="T"/>; throws when T is not the element type (bytes fit any 8-bit or packed type).</summary>
    public Span<T> Span<T>() where T : unmanaged
    {
        if (!DTypeOf<T>.Fits(DType)) throw new OperatorException($"expected elements of {DTypeOf<T>.Value.Display()}, got {DType.Display()}");
        return _storage is null ? throw NoBytes() : MemoryMarshal.CreateSpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetReference(_storage.Slice(_offset, Checked.Int(ByteLength)))), Checked.Int(ByteLength / Unsafe.SizeOf<T>()));
    }

    /// <summary>The same content under another shape with as many elements.</summary>
    public Tensor Reshape(Shape shape)
    {
        if (shape.Elements != Shape.Elements) throw new OperatorException($"cannot reshape {Shape} to {shape}");
        return _strings is null ? new(DType, shape, _storage!, _offset) : new(shape, _strings);
    }

    /// <summary>The first entries of axis 0, in the same memory.</summary>
    public Tensor First(long count)
    {
        if (count < 0 || Shape.Rank == 0 || count > Shape[0]) throw new OperatorException($"the first {count} entries of {this} do not exist");
        return new(DType, Shape.With(0, count), _storage ?? throw NoBytes(), _offset);
    }

    /// <summary>A copy in memory of its own.</summary>
    public Tensor Clone()
    {
        if (_strings is not null) return new(Shape, [.. _strings]);
        var t = Allocate(DType, Shape);
        Bytes.CopyTo(t.Bytes);
        return t;
    }

    /// <summary>Integer content (any integer type) as longs: shapes, axes, counts.</summary>
    public long[] ToLongs()
    {
        var r = new long[Shape.Count];
        switch (DType)
        {
            case DType.I64: Span<long>().CopyTo(r); break;
            case DType.I32: { var s = Span<int>(); for (int i = 0; i < r.Length; i++) r[i] = s[i]; break; }
            case DType.I16: { var s = Span<short>(); for (int i = 0; i < r.Length; i++) r[i] = s[i]; break; }
            case DType.I8: { var s = Span<sbyte>(); for (int i = 0; i < r.Length; i++) r[i] = s[i]; break; }
            case DType.U8 or DType.Bool: { var s = Span<byte>(); for (int i = 0; i < r.Length; i++) r[i] = s[i]; break; }
            case DType.U16: { var s = Span<ushort>(); for (int i = 0; i < r.Length; i++) r[i] = s[i]; break; }
            case DType.U32: { var s = Span<uint>(); for (int i = 0; i < r.Length; i++) r[i] = s[i]; break; }
            case DType.U64: { var s = Span<ulong>(); for (int i = 0; i < r.Length; i++) r[i] = s[i] <= long.MaxValue ? (long)s[i] : throw new OperatorException($"{s[i]} exceeds the largest signed integer"); break; }
            default: throw new OperatorException($"expected integers, got {DType.Display()}");
        }
        return r;
    }

    /// <inheritdoc/>
    public override string ToString() => DType.Display() + Shape;

    private static UnsupportedException NoBytes() => new("a string tensor has no bytes");
}

/// <summary>The element type that a .NET type stands for.</summary>
public static class DTypeOf<T> where T : unmanaged
{
    /// <summary>The element type.</summary>
    public static DType Value { get; } = Find();

    /// <summary>True when a tensor of <paramref name="t"/> may be read as <typeparamref name="T"/>; <see cref="byte"/> reads every 8-bit and packed type.</summary>
    public static bool Fits(DType t) => t == Value
        || typeof(T) == typeof(byte) && t.BitWidth() is 8 or 4
        || typeof(T) == typeof(bool) && t == DType.Bool
        || typeof(T) == typeof(float) && t == DType.C64
        || typeof(T) == typeof(double) && t == DType.C128
        || typeof(T) == typeof(ushort) && t is DType.F16 or DType.BF16;

    private static DType Find()
    {
        if (typeof(T) == typeof(float)) return DType.F32;
        if (typeof(T) == typeof(double)) return DType.F64;
        if (typeof(T) == typeof(Half)) return DType.F16;
        if (typeof(T) == typeof(BFloat16)) return DType.BF16;
        if (typeof(T) == typeof(sbyte)) return DType.I8;
        if (typeof(T) == typeof(byte)) return DType.U8;
        if (typeof(T) == typeof(short)) return DType.I16;
        if (typeof(T) == typeof(ushort)) return DType.U16;
        if (typeof(T) == typeof(int)) return DType.I32;
        if (typeof(T) == typeof(uint)) return DType.U32;
        if (typeof(T) == typeof(long)) return DType.I64;
        if (typeof(T) == typeof(ulong)) return DType.U64;
        if (typeof(T) == typeof(bool)) return DType.Bool;
        if (typeof(T) == typeof(F8E4M3FN)) return DType.F8E4M3FN;
        if (typeof(T) == typeof(F8E4M3FNUZ)) return DType.F8E4M3FNUZ;
        if (typeof(T) == typeof(F8E5M2)) return DType.F8E5M2;
        if (typeof(T) == typeof(F8E5M2FNUZ)) return DType.F8E5M2FNUZ;
        if (typeof(T) == typeof(System.Numerics.Complex)) return DType.C128;
        throw new UnsupportedException($"{typeof(T).Name} is not an element type");
    }
}
