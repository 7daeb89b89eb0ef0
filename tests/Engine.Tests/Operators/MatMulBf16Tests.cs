using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Products of bf16: one rounding of the exact sum, give or take that of f32.</summary>
public class MatMulBf16Tests
{
    [Theory]
    [InlineData(1, 1, 1, false)]
    [InlineData(3, 17, 5, true)]
    [InlineData(25, 40, 64, false)]
    [InlineData(13, 33, 31, true)]
    [InlineData(5, 16, 0, true)]
    [InlineData(100, 300, 96, false)]
    public void Gemm_and_MatMul_are_the_rounded_sums(int m, int n, int k, bool transposed)
    {
        var random = new Random(m + n + k);
        var (a, b, bias) = (Random(random, transposed ? [k, m] : [m, k]), Random(random, transposed ? [n, k] : [k, n]), Random(random, [n]));
        long flag = transposed ? 1 : 0;
        var y = OpRunner.One("Gemm", 13, [a, b, bias], new Dictionary<string, object> { ["transA"] = flag, ["transB"] = flag, ["beta"] = 2f });
        Assert.Equal(DType.BF16, y.DType);
        Check(y, (r, c) => (At(a, transposed, r, m, k, b, n, c), 2.0 * (float)bias.Span<BFloat16>()[c]));
        if (transposed) return;
        Check(OpRunner.One("MatMul", 13, [a, b]), (r, c) => (At(a, false, r, m, k, b, n, c), 0));

        void Check(Tensor actual, Func<int, int, ((double Sum, double Magnitude), double)> expected)
        {
            for (int r = 0; r < m; r++)
                for (int c = 0; c < n; c++)
                {
                    var ((sum, magnitude), plus) = expected(r, c);
                    float got = (float)actual.Span<BFloat16>()[r * n + c];
                    Assert.InRange(Math.Abs(got - (sum + plus)), 0, Math.Abs(sum + plus) / 256 + 1e-6 * (magnitude + Math.Abs(plus)));
                }
        }
    }

    private static (double Sum, double Magnitude) At(Tensor a, bool transposed, int row, int m, int k, Tensor b, int n, int column)
    {
        double sum = 0, magnitude = 0;
        for (int i = 0; i < k; i++)
        {
            double product = (double)(float)a.Span<BFloat16>()[transposed ? i * m + row : row * k + i] * (float)b.Span<BFloat16>()[transposed ? column * k + i : i * n + column];
            (sum, magnitude) = (sum + product, magnitude + Math.Abs(product));
        }
        return (sum, magnitude);
    }

    private static Tensor Random(Random random, long[] dims)
    {
        var t = Tensor.Allocate(DType.BF16, new Shape(dims));
        foreach (ref var x in t.Span<BFloat16>()) x = (BFloat16)(random.NextSingle() * 2 - 1);
        return t;
    }
}
