using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>lowbit-gemm</c>: bits, groups, zero points, scales of both types, few and many rows, tails of every axis.</summary>
internal static class LowBitCases
{
    private sealed record Size(int M, int N, int K, int Group);

    private static readonly Size[] s_few = [new(1, 16, 64, 32), new(1, 5, 8, 32), new(2, 17, 40, 32), new(8, 33, 96, 64), new(3, 16, 128, 128), new(1, 40, 520, 32), new(5, 31, 72, 64), new(7, 16, 600, 128), new(1, 64, 256, 32), new(4, 48, 136, 96)];
    private static readonly Size[] s_many = [new(9, 16, 64, 32), new(32, 5, 8, 32), new(33, 17, 40, 32), new(16, 33, 96, 64), new(40, 16, 128, 128), new(20, 40, 520, 32), new(65, 31, 72, 64), new(10, 16, 600, 128), new(12, 64, 256, 32), new(24, 48, 136, 96)];

    public static IEnumerable<GpuCase> All()
    {
        foreach (var type in (DType[])[DType.F16, DType.BF16])
            foreach (int bits in (int[])[4, 8, 2])
                foreach (int columns in (int[])[8, 32])
                    foreach (var s in columns == 8 ? s_few : s_many)
                        foreach (bool zeros in (bool[])[false, true])
                            yield return new("lowbit-gemm", $"lowbit_gemm_{type.Display()}_{bits}_{columns}", $"{s.M}x{s.N}x{s.K} g{s.Group}{(zeros ? " zeros" : "")}", c => Run(c, type, bits, s, zeros));
    }

    private static void Run(GpuCaseContext c, DType type, int bits, Size s, bool hasZeros)
    {
        // Scales of f32 with zero points, of the activations' type without; bias and relu for every other shape.
        var scaleType = hasZeros ? DType.F32 : type;
        bool hasSteps = s.N % 2 == 1;
        int groups = (int)Checked.CeilDiv(s.K, s.Group), padded = (int)GpuLowBit.PaddedRows(s.N);
        byte[] codes = new byte[s.N * s.K], zeros = new byte[hasZeros ? groups * padded : 0];
        for (int i = 0; i < codes.Length; i++) codes[i] = (byte)c.Random.Next(1 << bits);
        for (int i = 0; i < zeros.Length; i++) zeros[i] = (byte)c.Random.Next(1 << bits);
        float[] x = c.Values((long)s.M * s.K, type, -1, 1), scales = c.Values((long)groups * padded, scaleType, 0.01f, 0.1f), bias = c.Values(s.N, type);
        double[] expected = new double[s.M * s.N];
        double largest = 0;
        for (int i = 0; i < s.M; i++)
            for (int j = 0; j < s.N; j++)
            {
                double sum = 0;
                for (int k = 0; k < s.K; k++)
                {
                    int g = k / s.Group * padded + j;
                    double term = x[i * s.K + k] * (double)scales[g] * (codes[j * s.K + k] - (hasZeros ? zeros[g] : 1 << (bits - 1)));
                    sum += term;
                    largest = Math.Max(largest, Math.Abs(term));
                }
                expected[i * s.N + j] = hasSteps ? Math.Max(sum + bias[j], 0) : sum;
            }
        var y = c.Output(type.ByteCount(expected.Length));
        var steps = hasSteps ? GpuSteps.Of(GpuStep.Along(GpuStepOp.Add, c.Upload(bias, type), (uint)s.N), GpuStep.Unary(GpuStepOp.Relu)) : GpuSteps.None;
        GpuLowBit.Run(c.Kernels, c.Stream, type, bits, c.Upload(x, type), c.Upload(GpuLowBit.Pack(bits, s.N, s.K, codes)), c.Upload(scales, scaleType), scaleType, c.Upload(zeros), y, s.M, s.N, s.K, s.Group, steps);
        c.Expect(y, type, expected, 1e-6, largest * s.K * 4e-7);
    }
}
