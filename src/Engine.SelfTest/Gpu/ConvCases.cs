using System.Runtime.InteropServices;
using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>conv-f16</c>, <c>conv-u8s8</c>, <c>conv-direct</c>: windows, strides, dilations, padding on every side, groups, tails of pixels and channels.</summary>
internal static class ConvCases
{
    private static readonly GpuConvShape[] s_shapes =
    [
        new(1, 3, 5, 5, 4, 3, 3), new(2, 8, 7, 6, 16, 3, 3) { Pad = (1, 1), PadBehind = (1, 1) }, new(1, 16, 9, 9, 33, 1, 1), new(1, 5, 11, 8, 70, 3, 3) { Stride = (2, 2), Pad = (1, 1), PadBehind = (1, 1) },
        new(1, 4, 13, 13, 8, 5, 5) { Pad = (2, 2), PadBehind = (2, 2) }, new(3, 7, 6, 6, 12, 2, 3) { Pad = (0, 1), PadBehind = (1, 0) }, new(1, 20, 8, 8, 24, 3, 3) { Dilation = (2, 2), Pad = (2, 2), PadBehind = (2, 2) },
        new(1, 1, 12, 12, 6, 7, 7) { Stride = (2, 3), Pad = (3, 3), PadBehind = (3, 3) }, new(2, 32, 4, 4, 65, 3, 3) { Pad = (1, 1), PadBehind = (1, 1) }, new(1, 9, 10, 1, 10, 3, 1) { Pad = (1, 0), PadBehind = (1, 0) },
    ];

    public static IEnumerable<GpuCase> All()
    {
        foreach (int tile in (int[])[64, 128])
            for (int i = 0; i < 2 * s_shapes.Length; i++)
            {
                // The second time with more pixels.
                var s = i < s_shapes.Length ? s_shapes[i] : s_shapes[i - s_shapes.Length] with { Height = s_shapes[i - s_shapes.Length].Height + 5, Batch = 2 };
                bool steps = i % 3 == 0;
                foreach (var type in (DType[])[DType.F16, DType.BF16]) yield return new("conv-f16", $"conv_{type.Display()}_{tile}", Describe(s, steps), c => RunMatrix(c, type, tile, s, steps));
                foreach (var finish in Enum.GetValues<GpuFinish>()) yield return new("conv-u8s8", $"conv_u8s8_{CodeCases.Suffix(finish)}_{tile}", Describe(s, steps), c => RunCodes(c, finish, tile, s, steps));
            }
        foreach (var type in (DType[])[DType.F32, DType.F16, DType.BF16])
            for (int i = 0; i < 3 * s_shapes.Length; i++)
            {
                var s = s_shapes[i % s_shapes.Length];
                // As it is, depthwise with two outputs a channel, and in groups of several channels.
                s = (i / s_shapes.Length) switch { 0 => s, 1 => s with { Groups = s.Channels, OutChannels = 2 * s.Channels }, _ => s with { Channels = 6, OutChannels = 15, Groups = 3 } };
                bool bias = i % 2 == 0;
                yield return new("conv-direct", "conv_direct_" + type.Display(), $"{Describe(s, false)} groups {s.Groups}", c => RunDirect(c, type, s, bias));
            }
    }

    private static string Describe(GpuConvShape s, bool steps) =>
        $"{s.Batch}x{s.Channels}x{s.Height}x{s.Width} to {s.OutChannels} by {s.WindowHeight}x{s.WindowWidth}{(s.Stride != (1, 1) ? $" stride {s.Stride.Height},{s.Stride.Width}" : "")}{(s.Dilation != (1, 1) ? " dilated" : "")}{(steps ? " steps" : "")}";

    // Sums over a window for every image, output pixel and channel, the channel innermost; x and w by logical index.
    private static double[] Reference(GpuConvShape s, Func<int, int, int, int, double> x, Func<int, int, int, int, double> w)
    {
        double[] y = new double[s.Pixels * s.OutChannels];
        int inGroup = s.Channels / s.Groups, outGroup = s.OutChannels / s.Groups, at = 0;
        for (int n = 0; n < s.Batch; n++)
            for (int oy = 0; oy < s.OutHeight; oy++)
                for (int ox = 0; ox < s.OutWidth; ox++)
                    for (int o = 0; o < s.OutChannels; o++, at++)
                        for (int c = 0; c < inGroup; c++)
                            for (int ky = 0; ky < s.WindowHeight; ky++)
                                for (int kx = 0; kx < s.WindowWidth; kx++)
                                {
                                    int iy = oy * s.Stride.Height - s.Pad.Top + ky * s.Dilation.Height, ix = ox * s.Stride.Width - s.Pad.Left + kx * s.Dilation.Width;
                                    if (iy >= 0 && iy < s.Height && ix >= 0 && ix < s.Width) y[at] += x(n, o / outGroup * inGroup + c, iy, ix) * w(o, c, ky, kx);
                                }
        return y;
    }

    private static void RunMatrix(GpuCaseContext c, DType type, int tile, GpuConvShape s, bool hasSteps)
    {
        int channels = GpuConv.PaddedChannels(s.Channels, type), taps = s.WindowHeight * s.WindowWidth;
        float[] x = c.Values((long)s.Batch * s.Height * s.Width * channels, type, -1, 1), w = c.Values((long)s.OutChannels * taps * channels, type, -1, 1), bias = c.Values(s.OutChannels, type);
        // Channels of padding: numbers in x, zeros in w.
        for (int i = 0; i < w.Length; i++)
            if (i % channels >= s.Channels) w[i] = 0;
        double[] expected = Reference(s, (n, ch, iy, ix) => x[((n * s.Height + iy) * s.Width + ix) * channels + ch], (o, ch, ky, kx) => w[(o * taps + ky * s.WindowWidth + kx) * channels + ch]);
        if (hasSteps) for (int i = 0; i < expected.Length; i++) expected[i] = Math.Max(expected[i] + bias[i % s.OutChannels], 0);
        var y = c.Output(type.ByteCount(expected.Length));
        var steps = hasSteps ? GpuSteps.Of(GpuStep.Along(GpuStepOp.Add, c.Upload(bias, type), (uint)s.OutChannels), GpuStep.Unary(GpuStepOp.Relu)) : GpuSteps.None;
        GpuConv.Run(c.Kernels, c.Stream, type, c.Upload(x, type), c.Upload(w, type), y, s, steps, tile);
        c.Expect(y, type, expected, 1e-6, taps * channels * 2e-7);
    }

    private static void RunCodes(GpuCaseContext c, GpuFinish finish, int tile, GpuConvShape s, bool hasBias)
    {
        const byte Zero = 17;
        int channels = GpuConv.PaddedChannels(s.Channels, DType.U8), taps = s.WindowHeight * s.WindowWidth;
        byte[] x = new byte[s.Batch * s.Height * s.Width * channels], w = new byte[s.OutChannels * taps * channels], outside = [.. Enumerable.Repeat(Zero, 16)];
        c.Random.NextBytes(x);
        c.Random.NextBytes(w);
        for (int i = 0; i < w.Length; i++)
            if (i % channels >= s.Channels) w[i] = 0;
        int[] rows = [.. Enumerable.Range(0, s.OutChannels).Select(o => w.Skip(o * taps * channels).Take(taps * channels).Sum(b => (sbyte)b))];
        int[] own = [.. rows.Select(_ => hasBias ? c.Random.Next(-3000, 3000) : 0)], bias = [.. rows.Select((r, o) => own[o] - Zero * r)];
        var sums = Reference(s, (n, ch, iy, ix) => x[((n * s.Height + iy) * s.Width + ix) * channels + ch] - Zero, (o, ch, ky, kx) => (sbyte)w[(o * taps + ky * s.WindowWidth + kx) * channels + ch]).Select((v, i) => (int)v + own[i % s.OutChannels]).ToArray();
        var y = c.Output(sums.Length * (finish == GpuFinish.Floats ? 4 : 1));
        var f = new CodeFinish(c, finish, s.OutChannels, 0.4 / Math.Sqrt(taps * s.Channels) / 64);
        GpuConv.RunCodes(c.Kernels, c.Stream, finish, c.Upload(x), c.Upload(outside), c.Upload(w), c.Upload(MemoryMarshal.AsBytes(bias.AsSpan())), y, s, f.Requantize, f.Steps, tile);
        f.Expect(y, sums);
    }

    private static void RunDirect(GpuCaseContext c, DType type, GpuConvShape s, bool hasBias)
    {
        int taps = s.WindowHeight * s.WindowWidth, inGroup = s.Channels / s.Groups;
        float[] x = c.Values((long)s.Batch * s.Channels * s.Height * s.Width, type, -1, 1), w = c.Values((long)s.OutChannels * inGroup * taps, type, -1, 1), bias = c.Values(hasBias ? s.OutChannels : 0, type);
        double[] sums = Reference(s, (n, ch, iy, ix) => x[((n * s.Channels + ch) * s.Height + iy) * s.Width + ix], (o, ch, ky, kx) => w[(o * inGroup + ch) * taps + ky * s.WindowWidth + kx]), expected = new double[sums.Length];
        int pixels = s.OutHeight * s.OutWidth;
        for (int i = 0; i < sums.Length; i++)
        {
            int o = i % s.OutChannels, pixel = i / s.OutChannels;
            expected[(pixel / pixels * s.OutChannels + o) * pixels + pixel % pixels] = Math.Max(sums[i] + (hasBias ? bias[o] : 0), 0);
        }
        var y = c.Output(type.ByteCount(expected.Length));
        GpuConv.RunDirect(c.Kernels, c.Stream, type, c.Upload(x, type), c.Upload(w, type), c.Upload(bias, type), y, s, GpuSteps.Of(GpuStep.Unary(GpuStepOp.Relu)));
        c.Expect(y, type, expected, 1e-6, taps * inGroup * 2e-7);
    }
}
