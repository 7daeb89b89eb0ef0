using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>reduce</c> and <c>softmax</c>: every reduction over rows and columns, softmax and its logarithm, rows that fit registers and rows that do not.</summary>
internal static class ReductionCases
{
    private static readonly DType[] s_types = [DType.F32, DType.F16, DType.BF16];
    private static readonly (int Outer, int Extent)[] s_rows = [(1, 1), (3, 2), (5, 31), (2, 32), (7, 33), (4, 127), (3, 128), (2, 129), (9, 300), (2, 1025), (1, 4000), (37, 5)];

    public static IEnumerable<GpuCase> All()
    {
        foreach (var type in s_types)
        {
            string suffix = type.Display();
            int turn = 0;
            foreach (var op in Enum.GetValues<GpuReduceOp>())
                for (int i = 0; i < 3; i++)
                {
                    var (outer, extent) = s_rows[turn++ % s_rows.Length];
                    yield return new("reduce", "reduce_rows_" + suffix, $"{op} {outer}x{extent}", c => Reduce(c, type, op, outer, extent, 1));
                    int inner = 2 + turn * 7 % 130;
                    yield return new("reduce", "reduce_columns_" + suffix, $"{op} {outer}x{extent}x{inner}", c => Reduce(c, type, op, outer, Math.Min(extent, 300), inner));
                }
            foreach (var (outer, extent) in s_rows)
            {
                yield return new("softmax", "softmax_" + suffix, $"{outer}x{extent}", c => Softmax(c, type, outer, extent, 1, false));
                yield return new("softmax", "softmax_" + suffix, $"log {outer}x{extent}x3", c => Softmax(c, type, outer, Math.Min(extent, 1100), 3, true));
            }
        }
    }

    private static void Reduce(GpuCaseContext c, DType type, GpuReduceOp op, int outer, int extent, int inner)
    {
        // Products of many numbers stay near 1.
        float[] x = op == GpuReduceOp.Product ? c.Values((long)outer * extent * inner, type, 0.98f, 1.02f) : c.Values((long)outer * extent * inner, type);
        double[] expected = new double[outer * inner];
        double scale = 0;
        for (int o = 0; o < outer; o++)
            for (int i = 0; i < inner; i++)
            {
                var column = Enumerable.Range(0, extent).Select(k => (double)x[(o * extent + k) * inner + i]).ToList();
                scale = Math.Max(scale, column.Sum(Math.Abs));
                expected[o * inner + i] = op switch
                {
                    GpuReduceOp.Sum => column.Sum(),
                    GpuReduceOp.Mean => column.Average(),
                    GpuReduceOp.Largest => column.Max(),
                    GpuReduceOp.Smallest => column.Min(),
                    GpuReduceOp.Product => column.Aggregate(1.0, (a, b) => a * b),
                    GpuReduceOp.SumOfSquares => column.Sum(v => v * v),
                    GpuReduceOp.SumOfMagnitudes => column.Sum(Math.Abs),
                    _ => Math.Sqrt(column.Sum(v => v * v)),
                };
            }
        var y = c.Output(type.ByteCount(expected.Length));
        GpuReduction.Reduce(c.Kernels, c.Stream, type, op, c.Upload(x, type), y, outer, extent, inner);
        c.Expect(y, type, expected, extent * 6e-8 + 1e-6, scale * 2e-7);
    }

    private static void Softmax(GpuCaseContext c, DType type, int outer, int extent, int inner, bool logarithmic)
    {
        float[] x = c.Values((long)outer * extent * inner, type, -9, 9);
        double[] expected = new double[x.Length];
        for (int o = 0; o < outer; o++)
            for (int i = 0; i < inner; i++)
            {
                int At(int k) => (o * extent + k) * inner + i;
                double largest = Enumerable.Range(0, extent).Max(k => x[At(k)]), sum = Enumerable.Range(0, extent).Sum(k => Math.Exp(x[At(k)] - largest));
                for (int k = 0; k < extent; k++) expected[At(k)] = logarithmic ? x[At(k)] - largest - Math.Log(sum) : Math.Exp(x[At(k)] - largest) / sum;
            }
        var y = c.Output(type.ByteCount(x.Length));
        GpuReduction.Softmax(c.Kernels, c.Stream, type, c.Upload(x, type), y, outer, extent, inner, logarithmic);
        c.Expect(y, type, expected, 2e-6, logarithmic ? 4e-6 : 1e-9);
    }
}
