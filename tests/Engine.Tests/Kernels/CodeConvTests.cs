using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Convolutions and conversions of channels-last codes over whole shapes, against the definition on planes.</summary>
public sealed unsafe class CodeConvTests
{
    public static TheoryData<string, int> Tiers(string[] tiers)
    {
        var data = new TheoryData<string, int>();
        foreach (string tier in tiers)
            for (int seed = 0; seed < 6; seed++) data.Add(tier, seed);
        return data;
    }

    public static TheoryData<string, int> DenseTiers => Tiers([.. GemmU8S8.Table.SupportedTiers]);

    public static TheoryData<string, int> DepthwiseTiers => Tiers([.. ConvDepthwiseU8S8.Table.SupportedTiers]);

    [Theory]
    [MemberData(nameof(DenseTiers))]
    public void Dense_convolutions_give_the_sums_of_the_definition(string tier, int seed)
    {
        using var operands = new Operands();
        for (int trial = 0; trial < 40; trial++)
        {
            operands.Next(1000 * seed + trial);
            var r = operands.Random;
            int group = r.Next(3) == 0 ? r.Next(2, 4) : 1;
            var s = new ConvShape(r.Next(1, 3), group * r.Next(1, 9), group * r.Next(1, 40), group, new Window3(WindowDim.One, Dim(r, 8), Dim(r, 20)));
            var data = new Data(s, operands);
            var conv = new ConvU8S8(s);
            sbyte* packed = operands.Take<sbyte>((int)conv.PackedLength);
            var weights = new Span<sbyte>(packed, (int)conv.PackedLength);
            bool signed = r.Next(2) == 0;
            Assert.True(conv.Pack(signed ? data.Weights : data.UnsignedWeights, signed, signed ? [0] : [128], weights));
            int* starts = operands.Take<int>(conv.PaddedColumns);
            conv.Starts(weights, data.Zero, data.Bias, new Span<int>(starts, conv.PaddedColumns));
            int* y = operands.Take<int>(data.Outputs);
            conv.Run(GemmU8S8.Table[tier], Workers.Single, data.X, data.Zero, packed, starts, operands.Take<byte>((int)conv.WorkBytes), new PixelStore(y, s.OutChannels));
            data.AssertSums($"{tier} {s}", y);
            operands.Check();
        }
    }

    public static TheoryData<string, int> SparseTiers => Tiers([.. GemmNmU8S8.Table.SupportedTiers]);

    [Theory]
    [MemberData(nameof(SparseTiers))]
    public void Sparse_convolutions_give_the_sums_of_the_masked_weights(string tier, int seed)
    {
        using var operands = new Operands();
        for (int trial = 0; trial < 40; trial++)
        {
            operands.Next(1000 * seed + trial);
            var r = operands.Random;
            var form = NmForm.All[r.Next(NmForm.All.Count)];
            var s = new ConvShape(r.Next(1, 3), Math.Max(4, form.M) * r.Next(1, 5), r.Next(1, 40), 1, new Window3(WindowDim.One, Dim(r, 8), Dim(r, 20)));
            if (!ConvU8S8.Supports(s, form)) continue;
            var data = new Data(s, operands, form);
            var conv = new ConvU8S8(s, form);
            sbyte* packed = operands.Take<sbyte>((int)conv.PackedLength);
            var weights = new Span<sbyte>(packed, (int)conv.PackedLength);
            Assert.True(conv.Pack(data.Weights, true, [0], weights));
            int* starts = operands.Take<int>(conv.PaddedColumns);
            conv.Starts(weights, data.Zero, data.Bias, new Span<int>(starts, conv.PaddedColumns));
            int* y = operands.Take<int>(data.Outputs);
            conv.Run(ConvU8S8.Tiles(GemmNmU8S8.Table[tier], form), Workers.Single, data.X, data.Zero, packed, starts, operands.Take<byte>((int)conv.WorkBytes), new PixelStore(y, s.OutChannels));
            data.AssertSums($"{tier} {form} {s}", y);
            operands.Check();
        }
    }

    [Theory]
    [MemberData(nameof(DepthwiseTiers))]
    public void Depthwise_convolutions_give_the_sums_of_the_definition(string tier, int seed)
    {
        using var operands = new Operands();
        for (int trial = 0; trial < 40; trial++)
        {
            operands.Next(1000 * seed + trial);
            var r = operands.Random;
            int channels = r.Next(1, 75);
            var s = new ConvShape(r.Next(1, 3), channels, channels, channels, new Window3(WindowDim.One, Dim(r, 8), Dim(r, 20)));
            var data = new Data(s, operands);
            var conv = new ConvDepthwiseU8S8(s);
            short* packed = operands.Take<short>((int)conv.PackedLength);
            var weights = new Span<short>(packed, (int)conv.PackedLength);
            conv.Pack(data.UnsignedWeights, false, [128], weights);
            int* starts = operands.Take<int>(conv.StartsLength), y = operands.Take<int>(data.Outputs);
            conv.Starts(weights, data.Zero, data.Bias, new Span<int>(starts, conv.StartsLength));
            conv.Run(ConvDepthwiseU8S8.Table[tier], Workers.Single, data.X, data.Zero, packed, starts, operands.Take<byte>((int)conv.WorkBytes), new PixelStore(y, channels));
            data.AssertSums($"{tier} {s}", y);
            operands.Check();
        }
    }

    [Fact]
    public void Weights_that_are_no_s8_less_their_zero_point_are_refused()
    {
        var conv = new ConvU8S8(new ConvShape(1, 1, 1, 1, new Window3(WindowDim.One, WindowDim.One, WindowDim.One)));
        Assert.False(conv.Pack([255], false, [100], new sbyte[conv.PackedLength]));
        Assert.True(conv.Pack([227], false, [100], new sbyte[conv.PackedLength]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Planes_and_channels_last_hold_the_same_values(bool signed)
    {
        using var operands = new Operands();
        for (int trial = 0; trial < 60; trial++)
        {
            operands.Next(trial);
            var r = operands.Random;
            int batch = r.Next(1, 3), channels = r.Next(1, 12), pixels = r.Next(1, 150), count = batch * channels * pixels, padded = ChannelsLast.Padded(channels);
            var grid = new CodeGrid(signed, 0.01f, r.Next(signed ? -20 : 100, signed ? 20 : 140));
            float* x = operands.Floats(count, Fill.Anything), back = operands.Take<float>(count);
            byte* codes = operands.Take<byte>(count), last = operands.Take<byte>(batch * pixels * padded), same = operands.Take<byte>(batch * pixels * padded), planes = operands.Take<byte>(count);
            QuantizeF32.Table.Reference(new(x, count), grid.Scale, grid.Zero, grid.Min, grid.Max, new(codes, count));
            ChannelsLast.Quantize(Workers.Single, x, batch, channels, pixels, grid, last);
            for (int n = 0; n < batch; n++)
                for (int c = 0; c < channels; c++)
                    for (int p = 0; p < pixels; p++)
                        Assert.Equal(codes[(n * channels + c) * pixels + p] ^ (signed ? 0x80 : 0), last[(n * pixels + p) * padded + c]);
            ChannelsLast.FromPlanes(Workers.Single, codes, batch, channels, pixels, grid, same);
            Assert.True(new ReadOnlySpan<byte>(last, batch * pixels * padded).SequenceEqual(new(same, batch * pixels * padded)));
            ChannelsLast.ToPlanes(Workers.Single, last, batch, channels, pixels, grid, planes);
            Assert.True(new ReadOnlySpan<byte>(codes, count).SequenceEqual(new(planes, count)));
            ChannelsLast.Dequantize(Workers.Single, last, batch, channels, pixels, grid, back);
            for (int i = 0; i < count; i++) Assert.Equal(grid.Decode(codes[i]), back[i]);
            operands.Check();
        }
    }

    private static WindowDim Dim(Random r, int most)
    {
        int kernel = r.Next(1, 5), dilation = r.Next(1, 3), stride = r.Next(1, 4), pad = r.Next(0, 3), end = r.Next(0, 3), reach = (kernel - 1) * dilation + 1, input = Math.Max(r.Next(1, most), reach - pad - end);
        return r.Next(3) == 0 ? new(input, (input - 1) / stride + 1, 1, stride, 1, 0, 0) : new(input, (input + pad + end - reach) / stride + 1, kernel, stride, dilation, pad, end);
    }

    private readonly struct PixelStore(int* y, int channels) : ISumStore
    {
        public void Store(int* sums, nint stride, long pixel, int pixels, int channel, int count)
        {
            for (int i = 0; i < pixels; i++)
                for (int c = 0; c < count; c++) y[(pixel + i) * channels + channel + c] = sums[i * stride + c];
        }
    }

    // Operands of a convolution, codes channels last.
    private sealed class Data
    {
        private readonly ConvShape _s;
        private readonly byte[] _weights;

        public Data(ConvShape s, Operands o, NmForm? form = null)
        {
            var r = o.Random;
            int padded = ChannelsLast.Padded(s.Channels);
            (_s, Zero) = (s, (byte)r.Next(256));
            X = o.Take<byte>(s.Batch * s.Window.Inputs * padded);
            r.NextBytes(new Span<byte>(X, s.Batch * s.Window.Inputs * padded));
            _weights = new byte[s.OutChannels * s.GroupChannels * s.Window.Taps];
            r.NextBytes(_weights);
            for (int i = 0; form is { } f && i < _weights.Length; i++)
                // Of the channels of a tap, the first of every group but those that turn with the tap.
                if ((i / s.Window.Taps + i % s.Window.Taps) % f.M >= f.N) _weights[i] = 0;
            Bias = new int[s.OutChannels];
            for (int i = 0; i < Bias.Length; i++) Bias[i] = r.Next(-1000, 1000);
        }

        public byte* X { get; }

        public byte Zero { get; }

        public int[] Bias { get; }

        public int Outputs => _s.Batch * _s.Window.Outputs * _s.OutChannels;

        public ReadOnlySpan<byte> Weights => _weights;

        public ReadOnlySpan<byte> UnsignedWeights => Array.ConvertAll(_weights, w => (byte)(w ^ 0x80));

        public void AssertSums(string what, int* y)
        {
            var (h, w) = (_s.Window.H, _s.Window.W);
            int padded = ChannelsLast.Padded(_s.Channels), channels = _s.GroupChannels;
            for (int n = 0, at = 0; n < _s.Batch; n++)
                for (int oy = 0; oy < h.Output; oy++)
                    for (int ox = 0; ox < w.Output; ox++)
                        for (int m = 0; m < _s.OutChannels; m++, at++)
                        {
                            int sum = Bias[m];
                            for (int ky = 0; ky < h.Kernel; ky++)
                                for (int kx = 0; kx < w.Kernel; kx++)
                                {
                                    int iy = h.Start(oy) + ky * h.Dilation, ix = w.Start(ox) + kx * w.Dilation;
                                    if ((uint)iy >= (uint)h.Input || (uint)ix >= (uint)w.Input) continue;
                                    for (int c = 0; c < channels; c++)
                                        sum += (X[((n * h.Input + iy) * w.Input + ix) * padded + m / _s.GroupOutChannels * channels + c] - Zero) * (sbyte)_weights[((m * channels + c) * h.Kernel + ky) * w.Kernel + kx];
                                }
                            if (y[at] != sum) Assert.Fail($"{what}: pixel ({n}, {oy}, {ox}), channel {m} is {y[at]}, expected {sum}");
                        }
        }
    }
}
