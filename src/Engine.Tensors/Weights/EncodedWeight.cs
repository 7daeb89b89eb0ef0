namespace Engine.Tensors;

/// <summary>
/// A weight in a form other than dense. It is a matrix [<see cref="Rows"/>, <see cref="Columns"/>]: axis 0 of its shape, and the rest of
/// it flattened (the K of a product). It decodes in f32 and is rounded to its element type once.
/// </summary>
public abstract class EncodedWeight : Weight
{
    private protected EncodedWeight(Shape shape, DType dtype)
    {
        if (dtype is not (DType.F32 or DType.F16 or DType.BF16)) throw new InvalidModelException($"an encoded weight has element type f32, f16 or bf16, not {dtype.Display()}");
        if (shape.Rank == 0) throw new InvalidModelException("an encoded weight needs at least one axis");
        (Shape, DType) = (shape, dtype);
        Rows = shape.Int(0);
        Columns = Checked.Int(shape.Product(1, shape.Rank));
        _ = shape.Count;
    }

    /// <inheritdoc/>
    public sealed override Shape Shape { get; }

    /// <inheritdoc/>
    public sealed override DType DType { get; }

    /// <summary>Extent of axis 0.</summary>
    public int Rows { get; }

    /// <summary>Product of the other axes.</summary>
    public int Columns { get; }

    /// <inheritdoc/>
    public sealed override Tensor Decode()
    {
        var wide = Tensor.Allocate(DType.F32, Shape);
        DecodeTo(wide.Span<float>());
        GC.KeepAlive(this);
        if (DType == DType.F32) return wide;
        var y = Tensor.Allocate(DType, Shape);
        var x = wide.Span<float>();
        if (DType == DType.F16)
        {
            var h = y.Span<Half>();
            for (int i = 0; i < x.Length; i++) h[i] = (Half)x[i];
        }
        else
        {
            var b = y.Span<BFloat16>();
            for (int i = 0; i < x.Length; i++) b[i] = (BFloat16)x[i];
        }
        GC.KeepAlive(wide);
        return y;
    }

    /// <summary>Writes the dense values, row-major; <paramref name="y"/> comes zeroed. Decoded children are to be kept alive while their spans are read.</summary>
    private protected abstract void DecodeTo(Span<float> y);

    /// <summary>The element type of something made of two factors: theirs where both have the same reduced one, else f32.</summary>
    private protected static DType Common(Weight a, Weight b) => a.DType == b.DType && a.DType is DType.F16 or DType.BF16 ? a.DType : DType.F32;

    /// <summary>Throws unless the condition holds.</summary>
    private protected static void Require(bool condition, string message)
    {
        if (!condition) throw new InvalidModelException(message);
    }
}

/// <summary>Reading weights as f32, whatever their form.</summary>
public static class WeightValues
{
    /// <summary>The dense values as an f32 tensor; the weight's own where it holds one.</summary>
    public static Tensor ToF32(this Weight weight)
    {
        var t = weight.Decode();
        if (t.DType == DType.F32) return t;
        var y = Tensor.Allocate(DType.F32, t.Shape);
        var f = y.Span<float>();
        switch (t.DType)
        {
            case DType.F16: { var s = t.Span<Half>(); for (int i = 0; i < f.Length; i++) f[i] = (float)s[i]; break; }
            case DType.BF16: { var s = t.Span<BFloat16>(); for (int i = 0; i < f.Length; i++) f[i] = (float)s[i]; break; }
            case DType.F64: { var s = t.Span<double>(); for (int i = 0; i < f.Length; i++) f[i] = (float)s[i]; break; }
            case DType.I8: { var s = t.Span<sbyte>(); for (int i = 0; i < f.Length; i++) f[i] = s[i]; break; }
            case DType.U8: { var s = t.Span<byte>(); for (int i = 0; i < f.Length; i++) f[i] = s[i]; break; }
            case DType.I32: { var s = t.Span<int>(); for (int i = 0; i < f.Length; i++) f[i] = s[i]; break; }
            case DType.U4: { var s = t.Bytes; for (int i = 0; i < f.Length; i++) f[i] = Packed4.Get(s, i); break; }
            case DType.I4: { var s = t.Bytes; for (int i = 0; i < f.Length; i++) f[i] = Packed4.GetSigned(s, i); break; }
            case var d when d.IsSmallFloat():
                var codec = SmallFloat.Of(d);
                for (int i = 0; i < f.Length; i++) f[i] = codec.Decode(d.IsPacked() ? (byte)Packed4.Get(t.Bytes, i) : t.Bytes[i]);
                break;
            default: throw new UnsupportedException($"a weight of element type {t.DType.Display()} cannot be read as f32");
        }
        GC.KeepAlive(t);
        return y;
    }
}
