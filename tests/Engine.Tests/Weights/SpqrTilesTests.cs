using Engine.Tensors;

namespace Engine.Tests;

/// <summary>SpQR tiles against a decoder that follows the description bit by bit, and against the same values as two-level codes.</summary>
public class SpqrTilesTests
{
    /// <summary>A random weight: every code, parameters of ordinary size.</summary>
    internal static SpqrTiles Random(Random r, int rows, int columns)
    {
        int down = (rows + 15) / 16, across = (columns + 15) / 16;
        var words = new ulong[down * across * 16];
        for (int t = 0; t < down * across; t++)
        {
            Half[] p = [(Half)(0.002f + 0.01f * r.NextSingle()), (Half)(-1 - r.NextSingle()), (Half)(0.5f + r.NextSingle()), (Half)(r.NextSingle() - 2)];
            for (int i = 0; i < 16; i++)
            {
                int row = t / across * 16 + i, left = Math.Min(16, columns - t % across * 16);
                ulong word = row < rows ? (ulong)r.NextInt64() & ((1UL << (6 + 3 * left)) - 1) : 0;
                if (i < 8) word |= (ulong)(BitConverter.HalfToUInt16Bits(p[i / 2]) >> (8 * (i % 2)) & 0xff) << 54;
                words[16 * t + i] = word;
            }
        }
        return new SpqrTiles(new Shape(rows, columns), Tensor.Vector<ulong>(words));
    }

    // Bits first to first + count − 1 of a word.
    private static int Bits(ulong word, int first, int count)
    {
        int v = 0;
        for (int b = 0; b < count; b++) v |= (int)(word >> (first + b) & 1) << b;
        return v;
    }

    [Fact]
    public void Decodes_as_described()
    {
        for (int trial = 0; trial < 30; trial++)
        {
            var r = new Random(trial);
            int rows = r.Next(1, 50), columns = r.Next(1, 70), across = (columns + 15) / 16;
            var w = Random(r, rows, columns);
            var words = w.Words.Span<ulong>().ToArray();
            var actual = w.ToF32().Span<float>();
            for (int row = 0; row < rows; row++)
                for (int column = 0; column < columns; column++)
                {
                    int tile = row / 16 * across + column / 16;
                    var p = new float[4];
                    for (int i = 0; i < 4; i++) p[i] = (float)BitConverter.UInt16BitsToHalf((ushort)(Bits(words[16 * tile + 2 * i], 54, 8) | Bits(words[16 * tile + 2 * i + 1], 54, 8) << 8));
                    ulong word = words[16 * tile + row % 16];
                    float s = p[0] * (Bits(word, 0, 3) - p[1]), z = p[2] * (Bits(word, 3, 3) - p[3]);
                    Assert.Equal(s * (Bits(word, 6 + 3 * (column % 16), 3) - z), actual[row * columns + column]);
                }
            Assert.Equal(128L * ((rows + 15) / 16) * across, w.StoredBytes);
            Assert.Equal("SpQR", w.Describe());
        }
    }

    [Fact]
    public void Is_the_same_as_codes_with_two_levels_of_scales()
    {
        for (int trial = 0; trial < 30; trial++)
        {
            var r = new Random(trial);
            var w = Random(r, r.Next(1, 50), r.Next(1, 70));
            var q = w.ToQuantized();
            Assert.Equal(w.ToF32().Span<float>().ToArray(), q.ToF32().Span<float>().ToArray());
            var back = SpqrTiles.From(q)!;
            Assert.Equal(w.Words.Span<ulong>().ToArray(), back.Words.Span<ulong>().ToArray());
            Assert.Equal(w.Shape, back.Shape);
        }
        var flat = Tensor.Vector<byte>(new byte[6]);
        Assert.Null(SpqrTiles.From(new Quantized(new Shape(1, 16), 3, flat, Granularity.Group, new Dense(Tensor.Vector(1f)), axis: 1, group: 16)));
    }

    [Fact]
    public void Outliers_replace_what_the_tiles_hold()
    {
        var r = new Random(7);
        var w = Random(r, 20, 40);
        var dense = w.ToF32().Span<float>().ToArray();
        var (starts, columns, values) = (new int[21], new List<ushort>(), new List<Half>());
        for (int row = 0; row < 20; row++)
        {
            for (int k = 0; k < 40; k++)
                if (r.Next(12) == 0)
                {
                    columns.Add((ushort)k);
                    // Larger than the base and of its sign: an outlier.
                    values.Add((Half)(dense[row * 40 + k] * (1.5f + 9 * r.NextSingle())));
                }
            starts[row + 1] = columns.Count;
        }
        var outliers = SparseCsr.Replacing(w, Tensor.Vector<int>(starts), Tensor.Vector<ushort>([.. columns]), new Dense(Tensor.Vector<Half>([.. values])));
        foreach (Weight @base in new Weight[] { w, w.ToQuantized() })
        {
            var actual = new WeightSum(@base, outliers).ToF32().Span<float>();
            for (int row = 0; row < 20; row++)
                for (int k = 0; k < 40; k++)
                {
                    int at = -1;
                    for (int i = starts[row]; i < starts[row + 1]; i++) if (columns[i] == k) at = i;
                    Assert.Equal(at < 0 ? dense[row * 40 + k] : (float)values[at], actual[row * 40 + k]);
                }
        }
        Assert.Equal("Sum(SpQR, Sparse(CSR, Dense))", new WeightSum(w, outliers).Describe());
    }

    [Fact]
    public void Stray_bits_and_infinite_parameters_are_refused()
    {
        SpqrTiles Make(int rows, int columns, int word, ulong bits)
        {
            var words = new ulong[16];
            words[word] = bits;
            return new SpqrTiles(new Shape(rows, columns), Tensor.Vector<ulong>(words));
        }
        Make(16, 16, 15, (1UL << 54) - 1);
        Make(3, 16, 7, 1UL << 54);
        Assert.Throws<InvalidModelException>(() => Make(16, 16, 0, 1UL << 62));
        Assert.Throws<InvalidModelException>(() => Make(16, 16, 8, 1UL << 54));
        Assert.Throws<InvalidModelException>(() => Make(3, 16, 3, 1));
        Assert.Throws<InvalidModelException>(() => Make(16, 15, 0, 1UL << 51));
        Assert.Throws<InvalidModelException>(() => Make(16, 16, 1, 0x7cUL << 54));
        Assert.Throws<InvalidModelException>(() => new SpqrTiles(new Shape(17, 16), Tensor.Vector<ulong>(new ulong[16])));
    }
}
