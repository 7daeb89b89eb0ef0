using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Exponents in place of weights, norms of magnitudes, tiles of 3-bit codes.</summary>
internal static unsafe class ShiftProperties
{
    public static IEnumerable<KernelProperty> All => [new(L1NormF32.Table, 400, L1Norm), new(Log2SoftmaxF32.Table, 400, Log2Softmax), new(ShiftMultipliers.Table, 300, Multipliers), new(SpqrMatVec.Table, 300, Spqr), new(ShiftProduct.Table, 400, ProductTiles)];

    private static void L1Norm(Operands o)
    {
        int n = o.Random.Next(20) == 0 ? o.Random.Next(2000, 5000) : KernelProperty.Length(o.Random);
        bool biased = o.Random.Next(2) == 0;
        float* x = o.Floats(n), scale = o.Floats(n), bias = biased ? o.Floats(n) : null, expected = o.Take<float>(n);
        for (int i = 0; i < n; i++) x[i] = 3 * x[i] + 5;
        if (n > 0 && o.Random.Next(8) == 0) x[o.Random.Next(n)] = float.NaN;
        L1NormF32.Table.Reference(x, scale, bias, 1e-3f, expected, n);
        foreach (string tier in KernelProperty.Fast(L1NormF32.Table))
        {
            bool inPlace = o.Random.Next(2) == 0;
            float* from = inPlace ? o.Copy(x, n) : x, y = inPlace ? from : o.Take<float>(n);
            L1NormF32.Table[tier](from, scale, bias, 1e-3f, y, n);
            // Neighbours of the mean cancel: an error is one of the mean, relative to the mean distance.
            KernelProperty.AssertClose($"l1-norm-f32 {tier}", expected, y, null, n, 5e-5);
        }
    }

    private static void Log2Softmax(Operands o)
    {
        int n = KernelProperty.Length(o.Random);
        float* x = o.Floats(n);
        for (int i = 0; i < n; i++) x[i] = o.Random.Next(6) == 0 ? float.NegativeInfinity : x[i] * 12;
        if (n > 0 && o.Random.Next(8) == 0) x[o.Random.Next(n)] = float.NaN;
        byte* expected = o.Take<byte>(n);
        Log2SoftmaxF32.Table.Reference(x, expected, n);
        double sum = 0, largest = double.NegativeInfinity;
        for (int i = 0; i < n; i++) largest = Math.Max(largest, x[i]);
        for (int i = 0; i < n; i++) sum += Math.Exp(x[i] - largest);
        foreach (string tier in KernelProperty.Fast(Log2SoftmaxF32.Table))
        {
            byte* q = o.Take<byte>(n);
            Log2SoftmaxF32.Table[tier](x, q, n);
            for (int i = 0; i < n; i++)
            {
                if (q[i] == expected[i]) continue;
                double code = Math.Log2(sum) - (x[i] - largest) / Math.Log(2);
                if (!(Math.Abs(code - Math.Floor(code) - 0.5) < 1e-5 && Math.Abs(q[i] - expected[i]) == 1)) Assert.Fail($"log2-softmax-f32 {tier}: element {i} of {n} is {q[i]}, expected {expected[i]} of {code:g9}");
            }
        }
    }

    private static void Multipliers(Operands o)
    {
        int n = KernelProperty.Length(o.Random);
        byte* q = o.Take<byte>(n);
        for (int i = 0; i < n; i++) q[i] = (byte)o.Random.Next(o.Random.Next(8) == 0 ? 256 : 17);
        short* expected = o.Take<short>(n);
        ShiftMultipliers.Table.Reference(q, expected, n);
        for (int i = 0; i < n; i++) Assert.Equal(q[i] < 16 ? -(int)Math.Pow(2, 15 - q[i]) : 0, expected[i]);
        foreach (string tier in KernelProperty.Fast(ShiftMultipliers.Table))
        {
            short* m = o.Take<short>(n);
            ShiftMultipliers.Table[tier](q, m, n);
            Assert.True(new ReadOnlySpan<short>(expected, n).SequenceEqual(new(m, n)), $"shift-multipliers {tier}, {n} codes");
        }
    }

    private static void Spqr(Operands o)
    {
        int tiles = o.Random.Next(0, 9);
        ulong* words = o.Take<ulong>(16 * tiles);
        var w = SpqrTilesTests.Random(o.Random, 16, Math.Max(1, 16 * tiles));
        if (tiles > 0) w.Words.Span<ulong>().CopyTo(new Span<ulong>(words, 16 * tiles));
        float* plain = o.Floats(16 * tiles), x = o.Take<float>(16 * tiles), sums = o.Take<float>(tiles), expected = o.Take<float>(16), magnitude = o.Take<float>(16);
        SpqrMatVec.Prepare(plain, 16 * tiles, x, sums);
        for (int i = 0; i < 16 * tiles; i++)
        {
            // Scales below 0.11, codes and zero points below 14: what a product could be at most.
            for (int r = 0; r < 16; r++) magnitude[r] += 1.5f * Math.Abs(plain[i]);
        }
        SpqrMatVec.Table.Reference(words, tiles, x, sums, expected);
        foreach (string tier in KernelProperty.Fast(SpqrMatVec.Table))
        {
            float* y = o.Take<float>(16);
            SpqrMatVec.Table[tier](words, tiles, x, sums, y);
            KernelProperty.AssertClose($"spqr-matvec {tier} {tiles} tiles", expected, y, magnitude, 16, 1e-6);
        }
    }

    private static void ProductTiles(Operands o)
    {
        var r = o.Random;
        int rows = r.Next(1, 9), pairs = r.Next(0, 40), pitch = 2 * pairs + r.Next(3);
        short* a = o.Take<short>(pairs == 0 ? 0 : (rows - 1) * pitch + 2 * pairs), b = o.Take<short>(pairs * 32);
        for (int i = 0; i < (pairs == 0 ? 0 : (rows - 1) * pitch + 2 * pairs); i++) a[i] = (short)r.Next(short.MinValue, short.MaxValue + 1);
        for (int i = 0; i < pairs * 32; i++) b[i] = (short)r.Next(-128, 128);
        int* expected = o.Take<int>(128);
        ShiftProduct.Table.Reference(a, pitch, rows, b, pairs, expected);
        foreach (string tier in KernelProperty.Fast(ShiftProduct.Table))
        {
            int* c = o.Take<int>(128);
            ShiftProduct.Table[tier](a, pitch, rows, b, pairs, c);
            Assert.True(new ReadOnlySpan<int>(expected, rows * 16).SequenceEqual(new(c, rows * 16)), $"shift-product {tier} {rows} rows, {pairs} pairs");
        }
    }
}
