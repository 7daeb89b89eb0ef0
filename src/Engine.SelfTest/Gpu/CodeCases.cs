using System.Runtime.InteropServices;
using Engine.Cuda;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>gemm-u8s8</c>: sums exact, finished in each of three ways; codes equal the CPU's to the bit.</summary>
internal static class CodeCases
{
    private static readonly (int M, int N, int K)[] s_small = [(1, 1, 16), (3, 5, 32), (16, 8, 64), (17, 9, 80), (64, 64, 64), (65, 70, 128), (63, 33, 48), (2, 100, 16), (33, 64, 256), (40, 17, 144)];
    private static readonly (int M, int N, int K)[] s_large = [(128, 128, 64), (129, 130, 80), (70, 128, 16), (128, 65, 128), (200, 129, 32), (127, 40, 144), (256, 128, 48), (66, 200, 64), (130, 7, 192), (144, 144, 16)];

    public static IEnumerable<GpuCase> All()
    {
        foreach (var finish in Enum.GetValues<GpuFinish>())
            foreach (int tile in (int[])[64, 128])
                foreach (var (m, n, k) in tile == 64 ? s_small : s_large)
                    foreach (bool bias in (bool[])[false, true])
                        yield return new("gemm-u8s8", $"gemm_u8s8_{Suffix(finish)}_{tile}", $"{m}x{n}x{k}{(bias ? " bias" : "")}", c => Run(c, finish, tile, m, n, k, bias));
    }

    internal static string Suffix(GpuFinish finish) => finish switch { GpuFinish.Floats => "f32", GpuFinish.Codes => "u8", _ => "dyadic" };

    private static void Run(GpuCaseContext c, GpuFinish finish, int tile, int m, int n, int k, bool hasBias)
    {
        byte[] x = new byte[m * k], w = new byte[n * k];
        c.Random.NextBytes(x);
        c.Random.NextBytes(w);
        int[] bias = [.. Enumerable.Range(0, n).Select(_ => c.Random.Next(-5000, 5000))], sums = new int[m * n];
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
            {
                int sum = hasBias ? bias[j] : 0;
                for (int e = 0; e < k; e++) sum += x[i * k + e] * (sbyte)w[j * k + e];
                sums[i * n + j] = sum;
            }
        var y = c.Output(m * n * (finish == GpuFinish.Floats ? 4 : 1));
        var f = new CodeFinish(c, finish, n, 0.4 / Math.Sqrt(k) / 64);
        GpuGemm.RunCodes(c.Kernels, c.Stream, finish, c.Upload(x), c.Upload(w), hasBias ? c.Upload(MemoryMarshal.AsBytes(bias.AsSpan())) : GpuSpan.None, y, m, n, k, f.Requantize, f.Steps, tile);
        f.Expect(y, sums);
    }
}

/// <summary>Random factors of a finish on the device, and what sums become by them.</summary>
internal sealed class CodeFinish
{
    private const int Zero = 121, Low = 3, High = 250;

    private readonly GpuCaseContext _context;
    private readonly GpuFinish _finish;
    private readonly float[] _scale, _offset;
    private readonly int[] _multiplier, _shift;

    public CodeFinish(GpuCaseContext c, GpuFinish finish, int channels, double typical)
    {
        (_context, _finish) = (c, finish);
        _scale = [.. Enumerable.Range(0, channels).Select(_ => (float)(typical * (0.5 + c.Random.NextDouble())))];
        _offset = finish == GpuFinish.Codes ? new float[channels] : c.Values(channels, DType.F32);
        (_multiplier, _shift) = ([.. _scale.Select(s => Dyadic.Of(s).Multiplier)], [.. _scale.Select(s => Dyadic.Of(s).Shift)]);
        Requantize = finish == GpuFinish.Dyadic ? new(c.Upload(MemoryMarshal.AsBytes(_multiplier.AsSpan())), c.Upload(MemoryMarshal.AsBytes(_shift.AsSpan())), Zero, Low, High)
            : new(c.Upload(MemoryMarshal.AsBytes(_scale.AsSpan())), c.Upload(MemoryMarshal.AsBytes(_offset.AsSpan())), Zero, Low, High);
        Steps = finish == GpuFinish.Floats ? GpuSteps.Of(GpuStep.Unary(GpuStepOp.Relu)) : GpuSteps.None;
    }

    public GpuRequantize Requantize { get; }

    public GpuSteps Steps { get; }

    /// <summary>Compares results with sums, the channel innermost.</summary>
    public void Expect(GpuSpan y, int[] sums)
    {
        int channels = _scale.Length;
        if (_finish == GpuFinish.Floats)
        {
            _context.Expect(y, DType.F32, [.. sums.Select((s, i) => (double)Math.Max(MathF.FusedMultiplyAdd(s, _scale[i % channels], _offset[i % channels]), 0))], 0, 0);
            return;
        }
        _context.ExpectBytes(y, [.. sums.Select((s, i) => Code(s, i % channels))]);
    }

    private byte Code(int sum, int channel)
    {
        if (_finish == GpuFinish.Codes) return (byte)(MathF.Round(Math.Clamp(MathF.FusedMultiplyAdd(sum, _scale[channel], _offset[channel]), Low - Zero, High - Zero), MidpointRounding.ToEven) + Zero);
        long q = ((long)sum * _multiplier[channel] + (1L << (_shift[channel] - 1))) >> _shift[channel];
        return (byte)(Math.Clamp(q, Low - Zero, High - Zero) + Zero);
    }
}
