namespace Engine.Tensors;

/// <summary>Matrices with their axes exchanged.</summary>
public static class TensorTranspose
{
    /// <summary>The transpose of a matrix whose elements are whole bytes.</summary>
    public static Tensor Transposed(this Tensor t)
    {
        int rows = t.Shape.Int(0), columns = t.Shape.Int(1), size = t.DType.BitWidth() / 8;
        if (size == 0) throw new UnsupportedException($"a tensor {t} cannot be transposed");
        var y = Tensor.Allocate(t.DType, new Shape(columns, rows));
        ReadOnlySpan<byte> from = t.Bytes;
        var to = y.Bytes;
        for (int r = 0, at = 0; r < rows; r++)
            for (int c = 0; c < columns; c++, at += size) from.Slice(at, size).CopyTo(to[((c * rows + r) * size)..]);
        GC.KeepAlive(t);
        return y;
    }
}
