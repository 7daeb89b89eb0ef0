using System.Runtime.InteropServices;
using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>gemm-binary</c>: products of signs, exact; results as f32 and as bits.</summary>
internal static class BinaryCases
{
    private static readonly (int M, int N, int K)[] s_small = [(1, 1, 1), (3, 5, 31), (16, 8, 128), (17, 33, 129), (64, 64, 256), (65, 70, 300), (2, 100, 1000), (33, 64, 512), (40, 31, 77), (5, 32, 64)];
    private static readonly (int M, int N, int K)[] s_large = [(128, 128, 128), (129, 130, 77), (70, 128, 300), (128, 65, 512), (200, 129, 64), (127, 40, 1000), (256, 96, 256), (66, 200, 31), (130, 7, 129), (144, 144, 1)];

    public static IEnumerable<GpuCase> All()
    {
        for (int i = 0; i < 20; i++)
        {
            int rows = 1 + i * 7, k = 1 + i * i * 5;
            yield return new("gemm-binary", "gemm_binary_counts", $"{rows}x{k}", c => Count(c, rows, k));
        }
        foreach (int tile in (int[])[64, 128])
            foreach (var (m, n, k) in tile == 64 ? s_small : s_large)
                foreach (bool second in (bool[])[false, true])
                {
                    yield return new("gemm-binary", $"gemm_binary_f32_{tile}", $"{m}x{n}x{k}{(second ? " relu" : "")}", c => Floats(c, tile, m, n, k, second));
                    yield return new("gemm-binary", $"gemm_binary_bits_{tile}", $"{m}x{n}x{k}{(second ? " either sign" : "")}", c => Bits(c, tile, m, n, k, second));
                }
    }

    private static byte[] Signs(GpuCaseContext c, int rows, int k)
    {
        int rowBytes = (int)GpuBinary.RowBytes(k);
        byte[] bits = new byte[rows * rowBytes];
        for (int r = 0; r < rows; r++)
            for (int i = 0; i < k; i++) bits[r * rowBytes + i / 8] |= (byte)(c.Random.Next(2) << i % 8);
        return bits;
    }

    private static int Sign(byte[] bits, int row, int i, int k) => (bits[row * (int)GpuBinary.RowBytes(k) + i / 8] >> i % 8 & 1) == 0 ? 1 : -1;

    private static int[] Products(byte[] x, byte[] w, int m, int n, int k)
    {
        int[] y = new int[m * n];
        for (int r = 0; r < m; r++)
            for (int c = 0; c < n; c++)
                for (int i = 0; i < k; i++) y[r * n + c] += Sign(x, r, i, k) * Sign(w, c, i, k);
        return y;
    }

    private static void Count(GpuCaseContext c, int rows, int k)
    {
        byte[] bits = Signs(c, rows, k);
        int[] expected = [.. Enumerable.Range(0, rows).Select(r => Enumerable.Range(0, k).Count(i => Sign(bits, r, i, k) < 0))];
        var counts = c.Output(rows * 4);
        GpuBinary.Count(c.Kernels, c.Stream, c.Upload(bits), counts, rows, GpuBinary.RowBytes(k));
        c.ExpectBytes(counts, MemoryMarshal.AsBytes(expected.AsSpan()));
    }

    private static GpuSpan Counted(GpuCaseContext c, GpuSpan bits, int rows, int k)
    {
        var counts = c.Output(rows * 4);
        GpuBinary.Count(c.Kernels, c.Stream, bits, counts, rows, GpuBinary.RowBytes(k));
        return counts;
    }

    private static void Floats(GpuCaseContext c, int tile, int m, int n, int k, bool relu)
    {
        byte[] x = Signs(c, m, k), w = Signs(c, n, k);
        float[] scale = c.Values(n, DType.F32), offset = c.Values(n, DType.F32);
        double[] expected = [.. Products(x, w, m, n, k).Select((p, i) => (double)MathF.FusedMultiplyAdd(p, scale[i % n], offset[i % n])).Select(v => relu ? Math.Max(v, 0) : v)];
        GpuSpan xs = c.Upload(x), ws = c.Upload(w), y = c.Output(m * n * 4);
        GpuBinary.Run(c.Kernels, c.Stream, xs, ws, Counted(c, xs, m, k), Counted(c, ws, n, k), c.Upload(scale, DType.F32), c.Upload(offset, DType.F32), y, m, n, k, relu ? GpuSteps.Of(GpuStep.Unary(GpuStepOp.Relu)) : GpuSteps.None, tile);
        c.Expect(y, DType.F32, expected, 0, 0);
    }

    private static void Bits(GpuCaseContext c, int tile, int m, int n, int k, bool eitherSign)
    {
        byte[] x = Signs(c, m, k), w = Signs(c, n, k), above = new byte[n];
        int[] products = Products(x, w, m, n, k), bound = [.. Enumerable.Range(0, n).Select(_ => c.Random.Next(-8, 9))];
        for (int i = 0; eitherSign && i < n; i++) above[i] = (byte)c.Random.Next(2);
        int words = (int)GpuBinary.ResultWords(n);
        uint[] expected = new uint[m * words];
        for (int r = 0; r < m; r++)
            for (int i = 0; i < n; i++)
                if (products[r * n + i] < bound[i] != (above[i] != 0)) expected[r * words + i / 32] |= 1u << i % 32;
        GpuSpan xs = c.Upload(x), ws = c.Upload(w), y = c.Output(expected.Length * 4);
        GpuBinary.RunToBits(c.Kernels, c.Stream, xs, ws, Counted(c, xs, m, k), Counted(c, ws, n, k), c.Upload(MemoryMarshal.AsBytes(bound.AsSpan())), c.Upload(above), y, m, n, k, tile);
        c.ExpectBytes(y, MemoryMarshal.AsBytes(expected.AsSpan()));
    }
}
