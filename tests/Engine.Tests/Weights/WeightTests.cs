using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Every form decodes to what a naive reading of its definition gives, over random shapes with tails.</summary>
public class WeightTests
{
    private static float[] Dense(Weight w)
    {
        var t = w.Decode();
        Assert.Equal(w.Shape, t.Shape);
        Assert.Equal(w.DType, t.DType);
        var values = w.ToF32().Span<float>().ToArray();
        GC.KeepAlive(w);
        return values;
    }

    private static Tensor Bytes(byte[] b) => Tensor.Vector<byte>(b);

    private static Tensor Random(Random r, params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float v in t.Span<float>()) v = (float)(r.NextDouble() * 4 - 2);
        return t;
    }

    private static (Tensor Stream, int[] Codes) Codes(Random r, int count, int bits)
    {
        var codes = new int[count];
        var stream = new byte[BitStream.Bytes(count, bits)];
        for (int i = 0; i < count; i++) BitStream.Set(stream, i, bits, codes[i] = r.Next(1 << bits));
        return (Bytes(stream), codes);
    }

    [Fact]
    public void Bit_streams_give_back_what_was_stored()
    {
        for (int bits = 1; bits <= 16; bits++)
        {
            var r = new Random(bits);
            var values = Enumerable.Range(0, 41).Select(_ => r.Next(1 << bits)).ToArray();
            var s = new byte[BitStream.Bytes(41, bits)];
            for (int i = 0; i < 41; i++) BitStream.Set(s, i, bits, values[i]);
            for (int i = 0; i < 41; i++)
            {
                Assert.Equal(values[i], BitStream.Get(s, i, bits));
                Assert.Equal(values[i] >= 1 << (bits - 1) ? values[i] - (1 << bits) : values[i], BitStream.GetSigned(s, i, bits));
            }
        }
        byte[] nibbles = [0x21, 0x43];
        Assert.Equal([1, 2, 3, 4], Enumerable.Range(0, 4).Select(i => BitStream.Get(nibbles, i, 4)));
    }

    [Fact]
    public void Quantized_groups_along_columns()
    {
        for (int trial = 0; trial < 60; trial++)
        {
            var r = new Random(trial);
            int bits = trial % 8 + 1, rows = r.Next(1, 6), columns = r.Next(1, 70), group = r.Next(1, 33), groups = (columns + group - 1) / group;
            var (stream, q) = Codes(r, rows * columns, bits);
            var scale = Random(r, rows, groups);
            var zero = trial % 3 == 0 ? null : Tensor.From(new Shape(rows, groups), Enumerable.Range(0, rows * groups).Select(_ => (byte)r.Next(1 << bits)).ToArray());
            var w = new Quantized(new Shape(rows, columns), bits, stream, Granularity.Group, new Dense(scale), zero is null ? null : new Dense(zero), axis: 1, group: group);
            var actual = Dense(w);
            for (int i = 0; i < actual.Length; i++)
            {
                int g = i / columns * groups + i % columns / group;
                Assert.Equal(scale.Span<float>()[g] * (q[i] - (zero is null ? 1 << (bits - 1) : zero.Span<byte>()[g])), actual[i]);
            }
            Assert.Equal((rows * columns * bits + 7) / 8 + 4 * rows * groups + (zero is null ? 0 : rows * groups), w.StoredBytes);
            Assert.Equal($"Quantized({bits}, g{group}{(zero is null ? "" : ", zero")})", w.Describe());
        }
    }

    [Fact]
    public void Quantized_channels_lie_on_any_axis_and_codes_may_be_signed()
    {
        for (int axis = 0; axis < 3; axis++)
        {
            var r = new Random(axis);
            var shape = new Shape(3, 5, 7);
            var (stream, q) = Codes(r, 105, 8);
            var scale = Random(r, shape[axis]);
            var strides = shape.Strides();
            var actual = Dense(new Quantized(shape, 8, stream, Granularity.Channel, new Dense(scale), signed: true, axis: axis));
            for (int i = 0; i < 105; i++) Assert.Equal(scale.Span<float>()[(int)(i / strides[axis] % shape[axis])] * (sbyte)q[i], actual[i]);
        }
    }

    [Fact]
    public void Quantized_groups_on_an_outer_axis()
    {
        var r = new Random(5);
        var (stream, q) = Codes(r, 7 * 5, 4);
        var scale = Random(r, 3, 5);
        var actual = Dense(new Quantized(new Shape(7, 5), 4, stream, Granularity.Group, new Dense(scale), axis: 0, group: 3));
        for (int i = 0; i < 35; i++) Assert.Equal(scale.Span<float>()[i / 5 / 3 * 5 + i % 5] * (q[i] - 8), actual[i]);
    }

    [Fact]
    public void Code_tables_and_microscaling()
    {
        var r = new Random(6);
        var (stream, q) = Codes(r, 2 * 40, 4);
        var table = Tensor.Vector<float>([.. Enumerable.Range(0, 16).Select(i => SmallFloat.E2M1.Decode((byte)i))]);
        var w = new Quantized(new Shape(2, 40), 4, stream, Granularity.Group, new PowersOfTwo(Tensor.From(new Shape(2, 2), new byte[] { 127, 130, 120, 0 })), axis: 1, group: 32, table: table);
        var actual = Dense(w);
        double[] scales = [1, 8, 1.0 / 128, Math.ScaleB(1, -127)];
        for (int i = 0; i < 80; i++) Assert.Equal((float)(scales[i / 40 * 2 + i % 40 / 32] * SmallFloat.E2M1.Decode((byte)q[i])), actual[i]);
        Assert.Equal(40 + 4 + 64, w.StoredBytes);
        Assert.Equal("Quantized(4, g32, e2m1, E8M0)", w.Describe());
    }

    [Fact]
    public void Scales_may_be_quantized_again()
    {
        var r = new Random(7);
        var (inner, s) = Codes(r, 2 * 4, 3);
        var scales = new Quantized(new Shape(2, 4), 3, inner, Granularity.Channel, new Dense(Tensor.Vector(0.5f, 0.25f)), new Dense(Tensor.Vector<byte>(1, 2)));
        var (stream, q) = Codes(r, 2 * 64, 3);
        var actual = Dense(new Quantized(new Shape(2, 64), 3, stream, Granularity.Group, scales, axis: 1, group: 16));
        for (int i = 0; i < 128; i++)
        {
            int g = i / 16;
            float scale = g < 4 ? 0.5f * (s[g] - 1) : 0.25f * (s[g] - 2);
            Assert.Equal(scale * (q[i] - 4), actual[i]);
        }
    }

    [Fact]
    public void Minima_are_added_after_scaling_and_one_zero_point_serves_all()
    {
        var r = new Random(9);
        var (stream, q) = Codes(r, 3 * 32, 5);
        Tensor scale = Random(r, 3, 4), minimum = Random(r, 3, 4);
        var w = new Quantized(new Shape(3, 32), 5, stream, Granularity.Group, new Dense(scale), axis: 1, group: 8, minimum: new Dense(minimum));
        var actual = Dense(w);
        for (int i = 0; i < 96; i++) Assert.Equal(scale.Span<float>()[i / 8] * q[i] + minimum.Span<float>()[i / 8], actual[i]);
        Assert.Equal(60 + 48 + 48, w.StoredBytes);
        Assert.Equal("Quantized(5, g8, minimum)", w.Describe());

        actual = Dense(new Quantized(new Shape(3, 32), 5, stream, Granularity.Group, new Dense(scale), new Dense(Tensor.Vector<byte>(3)), axis: 1, group: 8));
        for (int i = 0; i < 96; i++) Assert.Equal(scale.Span<float>()[i / 8] * (q[i] - 3), actual[i]);
    }

    [Fact]
    public void Half_scales_widen_exactly_and_results_round_once()
    {
        var (stream, q) = Codes(new Random(8), 33, 8);
        var w = new Quantized(new Shape(33), 8, stream, Granularity.Tensor, new Dense(Tensor.Vector((Half)0.0123f)), dtype: DType.F16);
        var actual = Dense(w);
        for (int i = 0; i < 33; i++) Assert.Equal((float)(Half)((float)(Half)0.0123f * (q[i] - 128)), actual[i]);
        Assert.Equal("Quantized(8, tensor)", w.Describe());
    }

    [Fact]
    public void Sparse_groups_keep_n_of_m()
    {
        foreach (var (n, m) in new[] { (2, 4), (1, 4), (4, 8), (2, 8), (1, 2), (3, 16) })
            for (int trial = 0; trial < 12; trial++)
            {
                var r = new Random(trial * 100 + m + n);
                int rows = r.Next(1, 5), columns = r.Next(1, 50), groups = (columns + m - 1) / m, bits = System.Numerics.BitOperations.Log2((uint)m);
                var positions = new byte[BitStream.Bytes(rows * groups * n, bits)];
                var values = Random(r, rows, groups * n);
                var expected = new float[rows * columns];
                for (int g = 0; g < rows * groups; g++)
                {
                    var p = Enumerable.Range(0, m).OrderBy(_ => r.Next()).Take(n).Order().ToArray();
                    for (int k = 0; k < n; k++)
                    {
                        BitStream.Set(positions, g * n + k, bits, p[k]);
                        int column = g % groups * m + p[k];
                        if (column < columns) expected[g / groups * columns + column] = values.Span<float>()[g * n + k];
                    }
                }
                var w = new SparseNM(new Shape(rows, columns), n, m, Bytes(positions), new Dense(values));
                Assert.Equal(expected, Dense(w));
                Assert.Equal(positions.Length + values.ByteLength, w.StoredBytes);
            }
    }

    [Fact]
    public void A_2_4_group_is_one_of_six_nibbles()
    {
        Weight Make(byte nibble) => new SparseNM(new Shape(1, 4), 2, 4, Bytes([nibble]), new Dense(Tensor.From(new Shape(1, 2), new[] { 1f, 2f })));
        byte[] legal = [0b0100, 0b1000, 0b1100, 0b1001, 0b1101, 0b1110];
        for (byte b = 0; b < 16; b++)
            if (legal.Contains(b)) Assert.Equal(2, Dense(Make(b)).Count(v => v != 0));
            else Assert.Throws<InvalidModelException>(() => Make(b));
        Assert.Equal([1, 0, 0, 2], Dense(Make(0b1100)));
    }

    private static (Tensor Starts, Tensor Columns) RandomCsr(Random r, int rows, int columns)
    {
        var starts = new int[rows + 1];
        var index = new List<ushort>();
        for (int row = 0; row < rows; row++)
        {
            for (int k = 0; k < columns; k++) if (r.Next(5) == 0) index.Add((ushort)k);
            starts[row + 1] = index.Count;
        }
        return (Tensor.Vector<int>(starts), Tensor.Vector<ushort>([.. index]));
    }

    [Fact]
    public void Csr_places_its_entries()
    {
        for (int trial = 0; trial < 30; trial++)
        {
            var r = new Random(trial);
            int rows = r.Next(0, 6), columns = r.Next(1, 30);
            var (starts, index) = RandomCsr(r, rows, columns);
            var values = Random(r, index.Shape[0]);
            var expected = new float[rows * columns];
            for (int row = 0; row < rows; row++)
                for (int i = starts.Span<int>()[row]; i < starts.Span<int>()[row + 1]; i++) expected[row * columns + index.Span<ushort>()[i]] = values.Span<float>()[i];
            Assert.Equal(expected, Dense(new SparseCsr(new Shape(rows, columns), starts, index, new Dense(values))));
        }
    }

    [Fact]
    public void Blocks_are_cut_off_at_the_edges()
    {
        for (int trial = 0; trial < 30; trial++)
        {
            var r = new Random(trial);
            int rows = r.Next(1, 20), columns = r.Next(1, 20), blockRows = (rows + 7) / 8, blockColumns = (columns + 3) / 4;
            var (starts, narrow) = RandomCsr(r, blockRows, blockColumns);
            var index = Tensor.Vector<int>([.. narrow.Span<ushort>().ToArray().Select(i => (int)i)]);
            var values = Random(r, index.Shape[0], 8, 4);
            var expected = new float[rows * columns];
            for (int br = 0; br < blockRows; br++)
                for (int b = starts.Span<int>()[br]; b < starts.Span<int>()[br + 1]; b++)
                    for (int i = 0; i < 32; i++)
                    {
                        int row = br * 8 + i / 4, column = index.Span<int>()[b] * 4 + i % 4;
                        if (row < rows && column < columns) expected[row * columns + column] = values.Span<float>()[b * 32 + i];
                    }
            var w = new SparseBlocks(new Shape(rows, columns), 8, 4, starts, index, new Dense(values));
            Assert.Equal(expected, Dense(w));
            Assert.Equal("Sparse(8x4, Dense)", w.Describe());
        }
    }

    [Fact]
    public void Rows_permutations_and_scales_compose()
    {
        var r = new Random(11);
        var inner = Random(r, 3, 2, 2);
        var kept = new Rows(6, Tensor.Vector(0, 2, 5), new Dense(inner));
        Assert.Equal(new Shape(6, 2, 2), kept.Shape);
        var order = Tensor.Vector(2, 0, 3, 1);
        var (row, column) = (Random(r, 6), Random(r, 4));
        var w = new Scaled(new Permuted(kept, order), row, column);
        var actual = Dense(w);
        var expected = new float[24];
        int[] at = [0, 2, 5];
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 4; k++)
            {
                int to = order.Span<int>()[k];
                expected[at[i] * 4 + to] = inner.Span<float>()[i * 4 + k] * row.Span<float>()[at[i]] * column.Span<float>()[to];
            }
        Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 0f));
        Assert.Equal("Scaled(Permuted(Rows(Dense)), row, column)", w.Describe());
        Assert.Equal(48 + 12 + 16 + 24 + 16, w.StoredBytes);
    }

    [Fact]
    public void Binary_rows_are_padded_to_words()
    {
        foreach (int columns in new[] { 1, 63, 64, 65, 130 })
        {
            var r = new Random(columns);
            var words = new ulong[3 * ((columns + 63) / 64)];
            var expected = new float[3 * columns];
            for (int i = 0; i < expected.Length; i++)
            {
                bool negative = r.Next(2) == 1;
                expected[i] = negative ? -1 : 1;
                if (negative) words[i / columns * ((columns + 63) / 64) + i % columns / 64] |= 1UL << (i % columns % 64);
            }
            var w = new Binary(new Shape(3, columns), Tensor.Vector<ulong>(words));
            Assert.Equal(expected, Dense(w));
            Assert.Equal(words.Length * 8, w.StoredBytes);
            if (columns % 64 == 0) continue;
            words[0] |= columns < 64 ? 1UL << columns : 0;
            words[^1] |= 1UL << 63;
            Assert.Throws<InvalidModelException>(() => new Binary(new Shape(3, columns), Tensor.Vector<ulong>(words)));
        }
    }

    [Fact]
    public void A_tree_of_differences_equals_its_rows()
    {
        for (int trial = 0; trial < 30; trial++)
        {
            var r = new Random(trial);
            int rows = r.Next(1, 12), columns = r.Next(1, 100);
            // A random tree over shuffled rows: each takes its parent among those before it.
            int[] shuffled = [.. Enumerable.Range(0, rows).OrderBy(_ => r.Next())];
            var parents = new int[rows];
            var signs = new bool[rows][];
            for (int i = 0; i < rows; i++)
            {
                signs[shuffled[i]] = [.. Enumerable.Range(0, columns).Select(_ => r.Next(2) == 1)];
                parents[shuffled[i]] = i == 0 ? -1 : shuffled[r.Next(i)];
            }
            var starts = new int[rows + 1];
            var flips = new List<ushort>();
            for (int row = 0; row < rows; row++)
            {
                if (parents[row] >= 0) for (int k = 0; k < columns; k++) if (signs[row][k] != signs[parents[row]][k]) flips.Add((ushort)k);
                starts[row + 1] = flips.Count;
            }
            var root = new ulong[(columns + 63) / 64];
            for (int k = 0; k < columns; k++) if (signs[shuffled[0]][k]) root[k / 64] |= 1UL << (k % 64);
            var w = new BinaryTree(new Shape(rows, columns), Tensor.Vector<int>(parents), Tensor.Vector<ulong>(root), Tensor.Vector<int>(starts), Tensor.Vector<ushort>([.. flips]));
            Assert.Equal(signs.SelectMany(s => s.Select(b => b ? -1f : 1f)).ToArray(), Dense(w));
            Assert.Equal(shuffled[0], w.Root);
        }
    }

    [Fact]
    public void A_cycle_is_no_tree()
    {
        BinaryTree Make(params int[] parents) => new(new Shape(parents.Length, 4), Tensor.Vector<int>(parents), Tensor.Vector(0UL), Tensor.Vector<int>(new int[parents.Length + 1]), Tensor.Vector<ushort>());
        Make(-1, 0, 1);
        Assert.Throws<InvalidModelException>(() => Make(-1, 2, 1));
        Assert.Throws<InvalidModelException>(() => Make(-1, -1, 0));
        Assert.Throws<InvalidModelException>(() => Make(1, 0));
        Assert.Throws<InvalidModelException>(() => Make(-1, 7));
    }

    [Fact]
    public void Low_rank_and_Kronecker_products()
    {
        var r = new Random(12);
        Tensor u = Random(r, 3, 5), v = Random(r, 3, 4, 2);
        var actual = Dense(new LowRank(new Shape(5, 4, 2), new Dense(u), new Dense(v)));
        for (int o = 0; o < 5; o++)
            for (int k = 0; k < 8; k++)
                Assert.Equal((float)Enumerable.Range(0, 3).Sum(i => (double)u.Span<float>()[i * 5 + o] * v.Span<float>()[i * 8 + k]), actual[o * 8 + k]);

        Tensor a = Random(r, 2, 3), b = Random(r, 4, 5, 3, 3);
        var w = new Kronecker(new Dense(a), new Dense(b));
        Assert.Equal(new Shape(8, 15, 3, 3), w.Shape);
        var k2 = Dense(w);
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 15; j++)
                for (int t = 0; t < 9; t++)
                    Assert.Equal(a.Span<float>()[i / 4 * 3 + j / 5] * b.Span<float>()[(i % 4 * 5 + j % 5) * 9 + t], k2[(i * 15 + j) * 9 + t]);
    }

    [Fact]
    public void Outliers_in_a_sum_restore_their_values()
    {
        var r = new Random(13);
        var (stream, _) = Codes(r, 4 * 48, 3);
        var @base = new Quantized(new Shape(4, 48), 3, stream, Granularity.Group, new Dense(Random(r, 4, 3)), axis: 1, group: 16);
        var decoded = Dense(@base);
        var (starts, columns) = RandomCsr(r, 4, 48);
        var wanted = Random(r, columns.Shape[0]);
        var difference = Tensor.Allocate(DType.F32, wanted.Shape);
        var at = new List<int>();
        for (int row = 0; row < 4; row++) for (int i = starts.Span<int>()[row]; i < starts.Span<int>()[row + 1]; i++) at.Add(row * 48 + columns.Span<ushort>()[i]);
        for (int i = 0; i < at.Count; i++) difference.Span<float>()[i] = wanted.Span<float>()[i] - decoded[at[i]];
        var w = new WeightSum(@base, new SparseCsr(new Shape(4, 48), starts, columns, new Dense(difference)));
        var actual = Dense(w);
        for (int i = 0; i < actual.Length; i++)
            if (at.IndexOf(i) is >= 0 and var e) Assert.Equal(wanted.Span<float>()[e], actual[i], 1e-6f);
            else Assert.Equal(decoded[i], actual[i]);
        Assert.Equal("Sum(Quantized(3, g16), Sparse(CSR, Dense))", w.Describe());
        Assert.Equal(@base.StoredBytes + starts.ByteLength + columns.ByteLength + difference.ByteLength, w.StoredBytes);
    }

    [Fact]
    public void Sparse_values_may_be_quantized()
    {
        var r = new Random(14);
        var (stream, q) = Codes(r, 2 * 8, 8);
        var values = new Quantized(new Shape(2, 8), 8, stream, Granularity.Channel, new Dense(Tensor.Vector(0.5f, 0.25f)));
        var w = new SparseNM(new Shape(2, 16), 2, 4, Bytes([0x44, 0x44, 0x44, 0x44]), values);
        var actual = Dense(w);
        for (int i = 0; i < 16; i++) Assert.Equal((i < 8 ? 0.5f : 0.25f) * (q[i] - 128), actual[i / 2 * 4 + i % 2]);
        Assert.Equal("Sparse(2:4, Quantized(8, channel))", w.Describe());
    }

    [Fact]
    public void Parts_that_do_not_fit_are_refused()
    {
        var dense = new Dense(Tensor.From(new Shape(2, 3), new float[6]));
        Assert.Throws<InvalidModelException>(() => new Quantized(new Shape(2, 3), 9, Bytes(new byte[7]), Granularity.Tensor, new Dense(Tensor.Vector(1f))));
        Assert.Throws<InvalidModelException>(() => new Quantized(new Shape(2, 3), 4, Bytes(new byte[2]), Granularity.Tensor, new Dense(Tensor.Vector(1f))));
        Assert.Throws<InvalidModelException>(() => new Quantized(new Shape(2, 3), 4, Bytes(new byte[3]), Granularity.Channel, new Dense(Tensor.Vector(1f))));
        Assert.Throws<InvalidModelException>(() => new Quantized(new Shape(2, 3), 4, Bytes(new byte[3]), Granularity.Group, new Dense(Tensor.Vector(1f)), axis: 1));
        Assert.Throws<InvalidModelException>(() => new Quantized(new Shape(2, 3), 8, Bytes(new byte[6]), Granularity.Channel, new Dense(Tensor.Vector(1f, 1)), minimum: new Dense(Tensor.Vector(1f))));
        Assert.Throws<InvalidModelException>(() => new Quantized(new Shape(2, 3), 8, Bytes(new byte[6]), Granularity.Tensor, new Dense(Tensor.Vector(1f)), signed: true, minimum: new Dense(Tensor.Vector(1f))));
        Assert.Throws<InvalidModelException>(() => new SparseCsr(new Shape(2, 3), Tensor.Vector(0, 2, 1), Tensor.Vector<ushort>(0, 1), new Dense(Tensor.Vector(1f, 2))));
        Assert.Throws<InvalidModelException>(() => new SparseCsr(new Shape(2, 3), Tensor.Vector(0, 1, 2), Tensor.Vector<ushort>(0, 3), new Dense(Tensor.Vector(1f, 2))));
        Assert.Throws<InvalidModelException>(() => new Rows(2, Tensor.Vector(1, 1), dense));
        Assert.Throws<InvalidModelException>(() => new Permuted(dense, Tensor.Vector(0, 1, 1)));
        Assert.Throws<InvalidModelException>(() => new Scaled(dense));
        Assert.Throws<InvalidModelException>(() => new WeightSum(dense, new Dense(Tensor.Vector(1f))));
        Assert.Throws<InvalidModelException>(() => new LowRank(new Shape(2, 3), dense, new Dense(Tensor.From(new Shape(3, 2), new float[6]))));
        Assert.Throws<InvalidModelException>(() => new Kronecker(dense, new Dense(Tensor.Vector(1f))));
    }
}
