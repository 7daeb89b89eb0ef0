using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>gemm-f32</c> and <c>gemm-f16</c>: tiles and tails, both layouts of w, batches, steps.</summary>
internal static class GemmCases
{
    private sealed record Size(int M, int N, int K, int Batch = 1, bool Shared = false, bool Steps = false);

    private static readonly Size[] s_small =
    [
        new(1, 8, 8), new(3, 16, 24), new(16, 8, 32), new(17, 24, 40), new(64, 64, 32), new(65, 72, 64), new(63, 56, 72), new(64, 8, 128), new(1, 64, 256), new(33, 40, 16), new(2, 128, 96), new(48, 64, 8),
        new(5, 16, 200), new(16, 16, 16, 3), new(9, 24, 40, 2, true), new(20, 32, 48, 2, false, true), new(40, 72, 32, 1, false, true), new(64, 64, 160), new(7, 8, 8, 5, true, true), new(31, 88, 104),
    ];

    // For the large tile: enough tiles, or few multiprocessors.
    private static readonly Size[] s_large =
    [
        new(128, 128, 32), new(129, 128, 40), new(128, 136, 64), new(130, 120, 72), new(127, 256, 32), new(65, 128, 8), new(256, 128, 16), new(200, 128, 24), new(128, 64, 96), new(192, 8, 32),
        new(66, 72, 128), new(128, 128, 128), new(160, 48, 56), new(70, 128, 32, 2), new(128, 128, 32, 1, false, true), new(144, 136, 40, 1, false, true), new(96, 96, 96), new(68, 16, 8, 3, true), new(128, 40, 200), new(255, 24, 16),
    ];

    public static IEnumerable<GpuCase> All()
    {
        foreach (bool transposed in (bool[])[true, false])
        {
            string layout = transposed ? "nk" : "kn";
            foreach (var s in s_small.Select(s => s with { N = s.N - s.N % 3, K = s.K + s.M % 4 })) yield return Case("gemm-f32", $"gemm_f32_{layout}", DType.F32, s, transposed);
            foreach (var type in (DType[])[DType.F16, DType.BF16])
            {
                foreach (var s in s_small) yield return Case("gemm-f16", $"gemm_{type.Display()}_{layout}_64", type, s, transposed);
                foreach (var s in s_large) yield return Case("gemm-f16", $"gemm_{type.Display()}_{layout}_128", type, s, transposed);
            }
        }
    }

    private static GpuCase Case(string stem, string entry, DType type, Size s, bool transposed) =>
        new(stem, entry, $"{s.M}x{s.N}x{s.K}{(s.Batch > 1 ? $" batch {s.Batch}{(s.Shared ? " of one w" : "")}" : "")}{(s.Steps ? " steps" : "")}", c => Run(c, entry, type, s, transposed));

    private static void Run(GpuCaseContext c, string entry, DType type, Size s, bool transposed)
    {
        int matrices = s.Shared ? 1 : s.Batch;
        float[] x = c.Values((long)s.Batch * s.M * s.K, type, -1, 1), w = c.Values((long)matrices * s.N * s.K, type, -1, 1), bias = c.Values(s.N, type);
        double[] expected = new double[s.Batch * s.M * s.N];
        for (int b = 0; b < s.Batch; b++)
            for (int i = 0; i < s.M; i++)
                for (int j = 0; j < s.N; j++)
                {
                    double sum = 0;
                    int from = s.Shared ? 0 : b * s.N * s.K;
                    for (int k = 0; k < s.K; k++) sum += (double)x[(b * s.M + i) * s.K + k] * w[from + (transposed ? j * s.K + k : k * s.N + j)];
                    expected[(b * s.M + i) * s.N + j] = s.Steps ? Math.Max(sum + bias[j], 0) : sum;
                }
        var y = c.Output(type.ByteCount(expected.Length));
        var steps = s.Steps ? GpuSteps.Of(GpuStep.Along(GpuStepOp.Add, c.Upload(bias, type), (uint)s.N), GpuStep.Unary(GpuStepOp.Relu)) : GpuSteps.None;
        int tile = entry.EndsWith("_128", StringComparison.Ordinal) ? 128 : 64;
        GpuGemm.Run(c.Kernels, c.Stream, type, c.Upload(x, type), c.Upload(w, type), y, s.M, s.N, s.K, transposed, s.Batch, s.Shared, steps, tile);
        c.Expect(y, type, expected, 1e-6, s.K * 2e-7);
    }
}
