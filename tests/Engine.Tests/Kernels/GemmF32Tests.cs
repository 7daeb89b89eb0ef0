using Engine.Kernels;

namespace Engine.Tests;

public unsafe class GemmF32Tests
{
    public static TheoryData<string, int, int, int> Cases()
    {
        var data = new TheoryData<string, int, int, int>();
        foreach (string tier in GemmF32.Table.SupportedTiers)
            foreach (int width in new[] { 16, 32, 48 })
                foreach (int depth in new[] { 0, 1, 3, 4, 7, 64 })
                    for (int rows = 1; rows <= 8; rows++) data.Add(tier, rows, width, depth);
        return data;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Every_tier_agrees_with_the_reference(string tier, int rows, int width, int depth)
    {
        float[] a = TestData.Floats(rows * (depth + 3), 1), b = TestData.Floats(depth * width, 2), expected = TestData.Floats(8 * 50, 3), actual = [.. expected];
        fixed (float* pa = a, pb = b, pe = expected, py = actual)
        {
            GemmF32.Table.Reference(new(pa, depth + 3, 1, rows, pb, width, depth, pe, 50, depth % 2 == 1));
            GemmF32.Table[tier](new(pa, depth + 3, 1, rows, pb, width, depth, py, 50, depth % 2 == 1));
        }
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5f * (depth + 1));
    }

    private readonly struct AddColumnBias(float[] bias) : IGemmEpilogue
    {
        public bool IsEmpty => false;

        public void Apply(int row, int column, Span<float> values)
        {
            for (int i = 0; i < values.Length; i++) values[i] += bias[column + i];
        }
    }

    [Theory]
    [InlineData(1, 1, 1), InlineData(1, 10, 128), InlineData(3, 49, 400), InlineData(9, 100, 193), InlineData(70, 33, 17), InlineData(67, 145, 200), InlineData(5, 7, 0)]
    public void Whole_products_with_transposed_operands_and_epilogue_agree_and_do_not_depend_on_threads(int m, int n, int k)
    {
        float[] a = TestData.Floats(m * k, 1), b = TestData.Floats(k * n, 2), bias = TestData.Floats(n, 3);
        float[]? first = null;
        using var two = new Workers(2);
        using var three = new Workers(3);
        foreach (var workers in new[] { Workers.Single, two, three })
            foreach (var (ta, tb) in new[] { (false, false), (true, false), (false, true), (true, true) })
            {
                float[] packed = new float[GemmF32.PackedLength(k, n)], c = new float[m * n];
                Array.Fill(c, float.NaN);
                fixed (float* pa = a, pb = b, pp = packed, pc = c)
                {
                    GemmF32.Pack(workers, k, n, pb, tb ? 1 : n, tb ? k : 1, pp);
                    GemmF32.Run(workers, m, n, k, pa, ta ? 1 : k, ta ? m : 1, pp, pc, n, new AddColumnBias(bias));
                }
                for (int i = 0; i < m; i++)
                    for (int j = 0; j < n; j++)
                    {
                        double sum = bias[j];
                        for (int x = 0; x < k; x++) sum += (double)(ta ? a[x * m + i] : a[i * k + x]) * (tb ? b[j * k + x] : b[x * n + j]);
                        Assert.Equal(sum, c[i * n + j], 1e-5 * (1 + Math.Sqrt(k)));
                    }
                if (!ta && !tb)
                {
                    first ??= c;
                    Assert.Equal(first, c);
                }
            }
    }
}
