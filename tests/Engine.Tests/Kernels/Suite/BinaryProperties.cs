using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Convolutions and products of signs against the definition on values −1, 0 and +1, exactly.</summary>
internal static unsafe class BinaryProperties
{
    public static IEnumerable<KernelProperty> All => [new(GemmBinary.Table, 250, Conv)];

    private static WindowDim Dim(Random r, int most)
    {
        int kernel = r.Next(1, 5), dilation = r.Next(1, 3), stride = r.Next(1, 3), pad = r.Next(0, 3), end = r.Next(0, 3), reach = (kernel - 1) * dilation + 1, input = Math.Max(r.Next(1, most), reach - pad - end);
        return r.Next(3) == 0 ? new(input, input, 1, 1, 1, 0, 0) : new(input, (input + pad + end - reach) / stride + 1, kernel, stride, dilation, pad, end);
    }

    private static ConvShape Shape(Random r)
    {
        int group = r.Next(4) == 0 ? r.Next(2, 4) : 1;
        return new(r.Next(1, 3), group * (r.Next(3) == 0 ? 64 * r.Next(1, 3) : r.Next(1, 150)), group * (r.Next(3) == 0 ? 64 * r.Next(1, 3) : r.Next(1, 150)), group, new(WindowDim.One, Dim(r, 5), Dim(r, 9)));
    }

    private static ConvShape Product(int m, int n, int k) => new(1, k, n, 1, new(WindowDim.One, WindowDim.One, new(m, 0, 1, 1, 1, 0, 0)));

    private static void Conv(Operands o)
    {
        var r = o.Random;
        var s = r.Next(4) == 0 ? Product(r.Next(1, 30), r.Next(1, 330), r.Next(1, 2000)) : Shape(r);
        if (s.Window.W.Output == 0) s = s with { Window = s.Window with { W = s.Window.W with { Output = s.Window.W.Input } } };
        int inputs = s.Window.Inputs, outputs = s.Window.Outputs, depth = s.GroupChannels * s.Window.Taps, pixels = s.Batch * outputs, outWords = ConvBinary.WordsOf(s.OutChannels), padded = SignStore.Padded(s.OutChannels);
        sbyte[] x = Signs(r, s.Batch * inputs * s.Channels), w = Signs(r, s.OutChannels * depth);
        ulong* bits = Words(o, x, s.Batch * inputs, s.Channels), weights = Words(o, w, s.OutChannels, depth);
        int[] expected = Definition(s, x, w);

        int[] thresholds = new int[s.OutChannels];
        var negative = new bool[s.OutChannels];
        for (int m = 0; m < s.OutChannels; m++) (thresholds[m], negative[m]) = (r.Next(8) switch { 0 => int.MaxValue, 1 => int.MinValue, _ => expected[r.Next(pixels) * s.OutChannels + m] + r.Next(-1, 2) }, r.Next(2) == 0);
        int* terms = o.Take<int>(2 * padded);
        SignStore.Terms(thresholds, negative, new(terms, 2 * padded));
        float* scale = o.Floats(padded), bias = o.Floats(padded), below = r.Next(2) == 0 ? null : o.Floats(padded);
        int block = r.Next(3) switch { 0 => 1, 1 => 16, _ => s.OutChannels };
        var places = block == 1 ? FloatPlaces.Planes(s.OutChannels, outputs) : block == 16 ? FloatPlaces.Blocked(s.OutChannels, outputs, 16) : FloatPlaces.ChannelsLast(s.OutChannels, outputs);
        int floats = (int)places.Image * s.Batch;
        float* residual = r.Next(2) == 0 ? null : o.Floats(floats);
        float least = r.Next(2) == 0 ? 0 : float.NegativeInfinity;
        foreach (string tier in GemmBinary.Table.SupportedTiers)
        {
            var conv = new ConvBinary(s, tier);
            byte* packed = o.Take<byte>((int)conv.PackedBytes), work = o.Take<byte>((int)conv.WorkBytes);
            conv.Pack(new(weights, s.OutChannels * ConvBinary.WordsOf(depth)), new(packed, (int)conv.PackedBytes));
            int* sums = o.Take<int>(expected.Length);
            conv.Run(Workers.Single, bits, packed, work, new ChannelSumStore(sums, s.OutChannels));
            for (int i = 0; i < expected.Length; i++)
                if (sums[i] != expected[i]) Assert.Fail($"conv-binary {tier} {s}: pixel {i / s.OutChannels}, channel {i % s.OutChannels} is {sums[i]}, expected {expected[i]}");

            ulong* signs = o.Take<ulong>(pixels * outWords);
            new Span<ulong>(signs, pixels * outWords).Fill(ulong.MaxValue);
            conv.Run(Workers.Single, bits, packed, work, new SignStore(signs, outWords, terms, padded));
            for (int i = 0; i < pixels * outWords * 64; i++)
            {
                int p = i / (outWords * 64), m = i % (outWords * 64);
                bool minus = m < s.OutChannels && (negative[m] ? expected[p * s.OutChannels + m] > thresholds[m] : expected[p * s.OutChannels + m] < thresholds[m]);
                if ((signs[p * outWords + m / 64] >> (m % 64) & 1) != (minus ? 1u : 0)) Assert.Fail($"conv-binary {tier} {s}: the sign of pixel {p}, channel {m} is wrong");
            }

            float* y = o.Take<float>(floats);
            // In place of the residual, and with bits of the results, where that is allowed.
            bool overlaid = residual != null && block != 1 && (s.Group == 1 || s.GroupOutChannels % 16 == 0) && r.Next(2) == 0, signed = block == 16 && s.Group == 1, above = r.Next(2) == 0;
            if (overlaid) new Span<float>(residual, floats).CopyTo(new(y, floats));
            float threshold = r.NextSingle();
            conv.Run(Workers.Single, bits, packed, work, new AffineStore(y, places, scale, bias, overlaid ? y : residual, least, below, new(signed ? (byte*)signs : null, outWords * 8, threshold, above)));
            for (int i = 0; signed && s.OutChannels % 64 != 0 && i < pixels; i++) Assert.Equal(0ul, signs[(i + 1) * outWords - 1] >> s.OutChannels % 64);
            for (int i = 0; i < expected.Length; i++)
            {
                int p = i / s.OutChannels, m = i % s.OutChannels;
                nint at = places.At(p, m);
                float v = MathF.FusedMultiplyAdd(expected[i], (expected[i] < 0 && below != null ? below : scale)[m], bias[m]);
                if (residual != null) v += residual[at];
                Assert.Equal(Math.Max(v, least), y[at]);
                if (signed) Assert.Equal(above ? y[at] > threshold : y[at] < threshold, (signs[p * outWords + m / 64] >> (m % 64) & 1) != 0);
            }
        }
    }

    private static sbyte[] Signs(Random r, int count)
    {
        var x = new sbyte[count];
        for (int i = 0; i < count; i++) x[i] = (sbyte)(r.Next(2) * 2 - 1);
        return x;
    }

    private static ulong* Words(Operands o, sbyte[] signs, int rows, int columns)
    {
        int words = ConvBinary.WordsOf(columns);
        ulong* y = o.Take<ulong>(rows * words);
        for (int i = 0; i < signs.Length; i++)
            if (signs[i] < 0) y[i / columns * words + i % columns / 64] |= 1ul << (i % columns % 64);
        return y;
    }

    // Channels last: x [N, H, W, C], w [M, C / group, kH, kW], y [N, H, W, M]; padding is 0.
    private static int[] Definition(in ConvShape s, sbyte[] x, sbyte[] w)
    {
        var (h, v) = (s.Window.H, s.Window.W);
        var y = new int[s.Batch * s.Window.Outputs * s.OutChannels];
        for (int i = 0; i < y.Length; i++)
        {
            int m = i % s.OutChannels, p = i / s.OutChannels, ox = p % v.Output, oy = p / v.Output % h.Output, n = p / s.Window.Outputs, g = m / s.GroupOutChannels;
            for (int kh = 0; kh < h.Kernel; kh++)
                for (int kw = 0; kw < v.Kernel; kw++)
                {
                    int iy = h.Start(oy) + kh * h.Dilation, ix = v.Start(ox) + kw * v.Dilation;
                    if ((uint)iy >= (uint)h.Input || (uint)ix >= (uint)v.Input) continue;
                    int from = ((n * h.Input + iy) * v.Input + ix) * s.Channels + g * s.GroupChannels, at = (m * s.GroupChannels * h.Kernel + kh) * v.Kernel + kw;
                    for (int c = 0; c < s.GroupChannels; c++) y[i] += x[from + c] * w[at + c * s.Window.Taps];
                }
        }
        return y;
    }
}
