namespace Engine.Tensors;

public sealed partial class SparseNM
{
    /// <summary>
    /// Stores a weight whose groups have at most N values other than zero: a plain tensor, or codes with a scale a tensor, a row, or a group of columns that whole groups of M
    /// fill, in a convolution of input channels of one tap. Decoding gives the same values.
    /// </summary>
    /// <exception cref="InvalidModelException">A group has more, or the form cannot be kept sparse.</exception>
    public static SparseNM From(Weight weight, int n, int m, int taps = 1)
    {
        var (shape, dense) = (weight.Shape, weight.ToF32());
        int rows = shape.Int(0), columns = Checked.Int(shape.Product(1, shape.Rank));
        Require(m is 2 or 4 or 8 or 16 && n >= 1 && n <= m && taps >= 1 && columns % taps == 0, $"{n}:{m} over {taps} taps is no grouping of {columns} columns");
        int channels = columns / taps, groups = (channels + m - 1) / m, kept = Checked.Int(Checked.Mul(taps * (long)groups, n)), bits = System.Numerics.BitOperations.Log2((uint)m);
        var positions = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(Checked.Mul(rows, kept), bits)));
        positions.Bytes.Clear();
        // Where each kept value comes from; negative past the last column.
        int[] sources = new int[Checked.Int(Checked.Mul(rows, kept))];
        ReadOnlySpan<float> x = dense.Span<float>();
        Span<bool> chosen = stackalloc bool[16];
        for (int r = 0, at = 0; r < rows; r++)
            for (int t = 0; t < taps; t++)
                for (int g = 0; g < groups; g++)
                {
                    int count = 0;
                    chosen.Clear();
                    for (int i = 0; i < m && g * m + i < channels; i++)
                        if (x[r * columns + (g * m + i) * taps + t] != 0) (chosen[i], count) = (true, count + 1);
                    Require(count <= n, $"row {r} has {count} values in a group of {m} from column {g * m * taps + t}, more than {n}");
                    for (int i = 0; count < n; i++)
                        if (!chosen[i]) (chosen[i], count) = (true, count + 1);
                    for (int i = 0; i < m; i++)
                    {
                        if (!chosen[i]) continue;
                        BitStream.Set(positions.Bytes, at, bits, i);
                        sources[at++] = g * m + i < channels ? r * columns + (g * m + i) * taps + t : -1;
                    }
                }
        GC.KeepAlive(dense);
        return new SparseNM(shape, n, m, positions, Gathered(weight, new Shape(rows, kept), sources, n, m, taps), taps);
    }

    /// <summary>The same values as dense codes, those not kept at their zero points; null where values are no codes with one zero point a tensor or row, or their groups do not become groups of columns.</summary>
    public Quantized? ToQuantized()
    {
        if (Values is not Quantized { Table: null, Minimum: null } q || q.Shape.Rank != 2 || Zeros(q) is not { } zeros) return null;
        bool grouped = q.Granularity == Granularity.Group;
        int group = q.Group / N * M;
        // Groups run along axis 1: of a matrix its columns, of a convolution its channels, a tap at a time.
        if (q.Granularity == Granularity.Channel && q.Axis != 0 || grouped && (q.Axis != 1 || q.Group % N != 0 || Taps != Shape.Product(2, Shape.Rank) || Taps > 1 && Columns / Taps % group != 0)) return null;
        int kept = KeptColumns;
        byte[] codes = new byte[Shape.Count];
        for (int r = 0, i = 0; r < Rows; r++)
        {
            codes.AsSpan(r * Columns, Columns).Fill((byte)(zeros[zeros.Length == 1 ? 0 : r] & (1 << q.Bits) - 1));
            for (int k = 0; k < kept; k++, i++)
                if (ColumnOf(k, BitStream.Get(Positions.Bytes, i, PositionBits)) is >= 0 and var column) codes[r * Columns + column] = (byte)BitStream.Get(q.Codes.Bytes, i, q.Bits);
        }
        var stream = Stream(codes, q.Bits);
        return new Quantized(Shape, q.Bits, stream, q.Granularity, grouped ? Turned(q.Scale, Rows, Taps) : q.Scale, q.Zero, q.Signed, q.Axis, grouped ? group : 0, dtype: q.DType);
    }

    // Zero points, one or one a row; null where there is one a group.
    private static int[]? Zeros(Quantized q)
    {
        if (q.Zero is null) return [q.Signed ? 0 : 1 << q.Bits - 1];
        if (q.Zero.Shape.Elements > 1 && q.Granularity != Granularity.Channel) return null;
        var z = q.Zero.ToF32();
        return [.. z.Span<float>().ToArray().Select(v => (int)v)];
    }

    private static Tensor Stream(byte[] codes, int bits)
    {
        var stream = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(codes.Length, bits)));
        stream.Bytes.Clear();
        for (int i = 0; i < codes.Length; i++) BitStream.Set(stream.Bytes, i, bits, codes[i]);
        return stream;
    }

    // Scales [rows, a, b] as [rows, b, a], a known: groups of channels and taps change places.
    private static Weight Turned(Weight scales, int rows, int a)
    {
        int b = Checked.Int(scales.Shape.Elements / rows / a);
        if (a == 1 || b == 1) return scales;
        var from = scales.Decode();
        int size = Checked.Int(from.DType.ByteCount(1));
        var to = Tensor.Allocate(from.DType, new Shape(rows, b, a));
        for (int r = 0; r < rows; r++)
            for (int i = 0; i < a; i++)
                for (int j = 0; j < b; j++) from.Bytes.Slice(((r * a + i) * b + j) * size, size).CopyTo(to.Bytes[(((r * b + j) * a + i) * size)..]);
        GC.KeepAlive(from);
        return new Dense(to);
    }

    private static Weight Gathered(Weight weight, Shape shape, int[] sources, int n, int m, int taps)
    {
        if (weight is not Quantized q)
        {
            var from = weight.Decode();
            int size = Checked.Int(from.DType.ByteCount(1));
            var to = Tensor.Allocate(from.DType, shape);
            to.Bytes.Clear();
            for (int i = 0; i < sources.Length; i++)
                if (sources[i] >= 0) from.Bytes.Slice(sources[i] * size, size).CopyTo(to.Bytes[(i * size)..]);
            GC.KeepAlive(from);
            return new Dense(to);
        }
        Require(q.Table is null && q.Minimum is null && Zeros(q) is not null, $"{q.Describe()} has no code for zero");
        bool grouped = q.Granularity == Granularity.Group;
        int groups = grouped ? Checked.Int(Checked.CeilDiv(q.Shape[q.Axis], q.Group)) : 1;
        Require(q.Granularity == Granularity.Tensor || !grouped && q.Axis == 0 || grouped && q.Axis == 1 && q.Group % m == 0 && q.Shape.Product(2, q.Shape.Rank) == taps && (taps == 1 || q.Shape[1] % q.Group == 0), $"scales of {q.Describe()} are not those of rows or of whole groups of {m} columns");
        var zeros = Zeros(q)!;
        int row = shape.Int(1);
        byte[] codes = new byte[sources.Length];
        for (int i = 0; i < codes.Length; i++)
            codes[i] = (byte)(sources[i] < 0 ? zeros[zeros.Length == 1 ? 0 : i / row] & (1 << q.Bits) - 1 : BitStream.Get(q.Codes.Bytes, sources[i], q.Bits));
        var stream = Stream(codes, q.Bits);
        return new Quantized(shape, q.Bits, stream, q.Granularity, grouped ? Turned(q.Scale, shape.Int(0), groups) : q.Scale, q.Zero, q.Signed, grouped ? 1 : 0, grouped ? q.Group / m * n : 0, dtype: q.DType);
    }
}
