using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>pool</c>: largest and mean, padding counted and not.</summary>
internal static class PoolCases
{
    public static IEnumerable<GpuCase> All()
    {
        foreach (var type in (DType[])[DType.F32, DType.F16, DType.BF16])
            for (int i = 0; i < 20; i++)
            {
                int window = 1 + i % 3, stride = 1 + i % 2, pad = Math.Min(i % 3, window - 1);
                var s = new GpuConvShape(1 + i % 2, 1 + i % 5, 5 + i, 4 + i * 2, 0, window, window) { Stride = (stride, stride), Pad = (pad, pad), PadBehind = (pad, 0), Dilation = (1 + i % 2, 1) };
                bool count = i % 4 == 0;
                foreach (bool largest in (bool[])[true, false]) yield return new("pool", $"pool_{(largest ? "largest" : "mean")}_{type.Display()}", $"{s.Batch}x{s.Channels}x{s.Height}x{s.Width} by {window} stride {stride}{(count ? " outside counted" : "")}", c => Run(c, type, largest, s, count));
            }
    }

    private static void Run(GpuCaseContext c, DType type, bool largest, GpuConvShape s, bool countOutside)
    {
        float[] x = c.Values((long)s.Batch * s.Channels * s.Height * s.Width, type);
        double[] expected = new double[s.Pixels * s.Channels];
        int at = 0;
        for (int p = 0; p < s.Batch * s.Channels; p++)
            for (int oy = 0; oy < s.OutHeight; oy++)
                for (int ox = 0; ox < s.OutWidth; ox++)
                {
                    double result = largest ? double.NegativeInfinity : 0;
                    int count = 0;
                    for (int ky = 0; ky < s.WindowHeight; ky++)
                        for (int kx = 0; kx < s.WindowWidth; kx++)
                        {
                            int iy = oy * s.Stride.Height - s.Pad.Top + ky * s.Dilation.Height, ix = ox * s.Stride.Width - s.Pad.Left + kx * s.Dilation.Width;
                            bool inside = iy >= 0 && iy < s.Height && ix >= 0 && ix < s.Width;
                            if (inside || countOutside && iy < s.Height + s.PadBehind.Bottom && ix < s.Width + s.PadBehind.Right) count++;
                            if (inside) result = largest ? Math.Max(result, x[(p * s.Height + iy) * s.Width + ix]) : result + x[(p * s.Height + iy) * s.Width + ix];
                        }
                    expected[at++] = largest ? result : result / count;
                }
        var y = c.Output(type.ByteCount(expected.Length));
        GpuPool.Run(c.Kernels, c.Stream, type, largest, c.Upload(x, type), y, s, countOutside);
        c.Expect(y, type, expected, 1e-6, 1e-6);
    }
}
