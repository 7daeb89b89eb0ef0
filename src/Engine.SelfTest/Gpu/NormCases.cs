using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>norm</c>: layer norm and RMS norm with and without residual, gain, shift and stored sum.</summary>
internal static class NormCases
{
    private static readonly DType[] s_types = [DType.F32, DType.F16, DType.BF16];
    private static readonly (int Rows, int Extent)[] s_shapes = [(1, 1), (2, 7), (5, 64), (3, 255), (2, 256), (4, 257), (1, 768), (2, 1000), (1, 3001), (19, 33)];

    public static IEnumerable<GpuCase> All()
    {
        foreach (var type in s_types)
            foreach (bool centred in (bool[])[true, false])
                for (int i = 0; i < 20; i++)
                {
                    var (rows, extent) = s_shapes[i % s_shapes.Length];
                    bool residual = i % 3 == 1, gain = i % 4 != 3, sum = residual && i % 2 == 1;
                    yield return new("norm", $"{(centred ? "layer" : "rms")}_norm_{type.Display()}", $"{i}: {rows}x{extent}{(residual ? " residual" : "")}{(gain ? " gain" : "")}{(sum ? " sum" : "")}", c => Run(c, type, centred, rows, extent, residual, gain, sum));
                }
    }

    private static void Run(GpuCaseContext c, DType type, bool centred, int rows, int extent, bool hasResidual, bool hasGain, bool hasSum)
    {
        const float Epsilon = 1e-5f;
        float[] x = c.Values((long)rows * extent, type), residual = c.Values(hasResidual ? x.Length : 0, type), gamma = c.Values(hasGain ? extent : 0, type), beta = c.Values(hasGain ? extent : 0, type);
        float[] sums = GpuCaseContext.Rounded([.. x.Select((v, i) => hasResidual ? v + residual[i] : v)], type);
        double[] expected = new double[x.Length];
        for (int r = 0; r < rows; r++)
        {
            var row = sums.Skip(r * extent).Take(extent).Select(v => (double)v).ToList();
            double mean = centred ? row.Average() : 0, square = row.Average(v => (v - mean) * (v - mean));
            for (int k = 0; k < extent; k++) expected[r * extent + k] = (row[k] - mean) / Math.Sqrt(square + Epsilon) * (hasGain ? gamma[k] : 1) + (hasGain && centred ? beta[k] : 0);
        }
        long bytes = type.ByteCount(x.Length);
        GpuSpan y = c.Output(bytes), sum = hasSum ? c.Output(bytes) : GpuSpan.None, r0 = c.Upload(residual, type), g = c.Upload(gamma, type);
        if (centred) GpuReduction.LayerNorm(c.Kernels, c.Stream, type, c.Upload(x, type), r0, g, c.Upload(beta, type), sum, y, rows, extent, Epsilon);
        else GpuReduction.RmsNorm(c.Kernels, c.Stream, type, c.Upload(x, type), r0, g, sum, y, rows, extent, Epsilon);
        c.Expect(y, type, expected, 4e-6, 1e-5);
        if (hasSum) c.Expect(sum, type, [.. sums.Select(v => (double)v)], 0, 0);
    }
}
