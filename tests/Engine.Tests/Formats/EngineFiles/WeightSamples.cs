using Engine.Tensors;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>Small weights of every form, with every optional part both there and left out.</summary>
internal static class WeightSamples
{
    public static IEnumerable<Weight> All()
    {
        var r = new Random(11);
        foreach (var t in Enum.GetValues<DType>()) if (t != DType.Undefined) yield return new Dense(OfType(t, r, 3, 5));
        yield return new Dense(Tensor.Allocate(DType.F32, new Shape(0, 4)));
        yield return new Dense(Tensor.Scalar(2.5f));

        var shape = new Shape(6, 10);
        Tensor scale = Floats(r, 6, 3), codes = Bytes(r, BitStream.Bytes(60, 3));
        yield return new Quantized(shape, 3, codes, Granularity.Group, new Dense(scale), new Dense(OfType(DType.U8, r, 6, 3)), axis: 1, group: 4);
        yield return new Quantized(shape, 8, Bytes(r, 60), Granularity.Channel, new Dense(OfType(DType.F16, r, 6)), signed: true, dtype: DType.F16);
        yield return new Quantized(shape, 4, OfType(DType.I4, r, 6, 10), Granularity.Tensor, new Dense(Tensor.Scalar(0.5f)), signed: true);
        yield return new Quantized(shape, 4, OfType(DType.U4, r, 60), Granularity.Group, new PowersOfTwo(Bytes(r, 30)), axis: 1, group: 2, table: Floats(r, 16));
        yield return new Quantized(shape, 2, Bytes(r, 15), Granularity.Group, new Quantized(new Shape(6, 5), 6, Bytes(r, BitStream.Bytes(30, 6)), Granularity.Channel, new Dense(Floats(r, 6))), axis: 1, group: 2, dtype: DType.BF16);
        yield return new Quantized(shape, 4, Bytes(r, 30), Granularity.Channel, new Dense(Floats(r, 6)), minimum: new Dense(Floats(r, 6)));
        yield return new Quantized(shape, 4, Bytes(r, 30), Granularity.Channel, new Dense(Floats(r, 6)), table: CodeTable.Nf4);

        var dense = new Dense(Floats(r, 6, 10));
        var order = Tensor.Vector<int>(3, 1, 9, 0, 2, 8, 7, 4, 6, 5);
        yield return new PowersOfTwo(Bytes(r, 7));
        yield return new PowerSteps(new Shape(2, 3), Tensor.Vector(0.25f), 3, Bytes(r, BitStream.Bytes(6, 3)));
        yield return new SpqrTiles(new Shape(2, 3), Tensor.Vector<ulong>([0b110_001_111_010_101, 0x7fff, .. new ulong[14]]));
        yield return new Permuted(dense, order);
        yield return new Scaled(dense, row: Floats(r, 6));
        yield return new Scaled(dense, column: Floats(r, 10));
        yield return new Scaled(dense, Floats(r, 6), Floats(r, 10));
        yield return new Rows(9, Tensor.Vector<int>(0, 1, 3, 4, 6, 8), dense);
        yield return new SparseNM(new Shape(4, 8), 2, 4, Tensor.Vector<byte>([.. Enumerable.Repeat((byte)0b1101_0100, 4)]), new Dense(Floats(r, 4, 4)));
        yield return new SparseNM(new Shape(4, 4, 1, 2), 2, 4, Tensor.Vector<byte>([.. Enumerable.Repeat((byte)0b1101_0100, 4)]), new Dense(Floats(r, 4, 4)), taps: 2);
        // Values in another element type than the weight's.
        yield return new SparseNM(new Shape(4, 8), 2, 4, Tensor.Vector<byte>([.. Enumerable.Repeat((byte)0b1101_0100, 4)]), new Dense(Tensor.From(new Shape(4, 4), Array.ConvertAll(Floats(r, 4, 4).Span<float>().ToArray(), v => (Half)v))), dtype: DType.F32);
        yield return new SparseCsr(new Shape(3, 4), Tensor.Vector<int>(0, 2, 2, 3), Tensor.Vector<ushort>(1, 3, 0), new Dense(Floats(r, 3)));
        yield return new SparseCsr(new Shape(3, 4), Tensor.Vector<int>(0, 2, 2, 3), Tensor.Vector<int>(1, 3, 0), new Dense(Floats(r, 3)));
        yield return new SparseBlocks(new Shape(4, 6), 2, 3, Tensor.Vector<int>(0, 1, 3), Tensor.Vector<int>(1, 0, 1), new Dense(Floats(r, 3, 2, 3)));
        foreach (var w in Signs()) yield return w;
        yield return new LowRank(new Shape(6, 5, 2), new Dense(Floats(r, 2, 6)), new Dense(Floats(r, 2, 10)));
        yield return new Kronecker(new Dense(Floats(r, 2, 3)), new Dense(Floats(r, 3, 2, 3, 3)));
        yield return new WeightSum(dense, new Permuted(new Scaled(dense, row: Floats(r, 6)), order), dense);
    }

    /// <summary>Signs, and trees of them by lists and by all signs.</summary>
    public static IEnumerable<Weight> Signs()
    {
        yield return new Binary(new Shape(2, 70), Tensor.Vector<ulong>(ulong.MaxValue, 3, 12345, 60));
        yield return new BinaryTree(new Shape(3, 9), Tensor.Vector<int>(-1, 0, 1), Tensor.Vector<ulong>(0x155), Tensor.Vector<int>(0, 0, 2, 3), Tensor.Vector<ushort>(1, 8, 4));
        yield return new BinaryTree(new Shape(4, 2, 5), Tensor.Vector<int>(1, -1, 1, 0), Tensor.Vector<ulong>(0x155, 0x3ff, 0, 0x0aa));
    }

    public static Tensor Floats(Random r, params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float v in t.Span<float>()) v = (float)(r.NextDouble() * 4 - 2);
        return t;
    }

    /// <summary>Any bits but for booleans, which are 0 or 1, and strings.</summary>
    public static Tensor OfType(DType type, Random r, params long[] dims)
    {
        var shape = new Shape(dims);
        if (type == DType.String) return new Tensor(shape, [.. Enumerable.Range(0, shape.Count).Select(i => i % 3 == 0 ? "" : $"text {i} ä 𝄞 \"\\")]);
        var t = Tensor.Allocate(type, shape);
        r.NextBytes(t.Bytes);
        if (type == DType.Bool) foreach (ref byte b in t.Bytes) b &= 1;
        return t;
    }

    private static Tensor Bytes(Random r, long count) => OfType(DType.U8, r, count);
}
