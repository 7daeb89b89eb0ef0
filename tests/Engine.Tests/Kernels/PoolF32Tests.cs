using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Pools by rows against pools by windows, and moves of blocked tensors against plain ones.</summary>
public unsafe class PoolF32Tests
{
    private static WindowDim Dim(Random r, int most)
    {
        int kernel = r.Next(1, 5), dilation = r.Next(1, 3), stride = r.Next(1, 4), pad = r.Next(0, 3), end = r.Next(0, 3), reach = (kernel - 1) * dilation + 1, input = Math.Max(r.Next(1, most), reach - pad - end);
        // The last window may reach past the padding, as where output sizes are rounded up.
        int free = input + pad + end - reach, output = (r.Next(2) == 0 ? (free + stride - 1) / stride : free / stride) + 1;
        return new(input, (output - 1) * stride >= input + pad ? output - 1 : output, kernel, stride, dilation, pad, end);
    }

    [Theory]
    [InlineData(PoolBlocked.Kind.Max), InlineData(PoolBlocked.Kind.Average), InlineData(PoolBlocked.Kind.AveragePadded)]
    public void Rows_agree_with_windows_on_any_number_of_threads(PoolBlocked.Kind kind)
    {
        using var three = new Workers(3);
        for (int seed = 0; seed < 200; seed++)
        {
            var r = new Random(seed);
            var w = new Window3(WindowDim.One, Dim(r, 9), Dim(r, 40));
            int planes = r.Next(1, 4), n = planes * w.Outputs;
            float[] x = TestData.Floats(planes * w.Inputs, seed), expected = new float[n], one = new float[n], many = new float[n];
            if (kind == PoolBlocked.Kind.Max && seed % 2 == 0) x[r.Next(x.Length)] = float.NaN;
            Assert.True(PoolF32.Supports(w));
            fixed (float* px = x, pe = expected, p1 = one, pn = many)
            {
                if (kind == PoolBlocked.Kind.Max) Pooling.Max(Workers.Single, planes, w, px, pe, null, false);
                else Pooling.Run(Workers.Single, planes, w, px, pe, new AveragePooling<float>(kind == PoolBlocked.Kind.AveragePadded));
                PoolF32.Run(Workers.Single, kind, planes, w, px, p1);
                PoolF32.Run(three, kind, planes, w, px, pn);
            }
            Assert.Equal(one, many);
            for (int i = 0; i < n; i++) Assert.Equal(expected[i], one[i], 2e-6f);
        }
    }

    [Theory]
    [InlineData(PoolBlocked.Kind.Max), InlineData(PoolBlocked.Kind.Average), InlineData(PoolBlocked.Kind.AveragePadded)]
    public void Blocked_rows_agree_with_windows_on_any_number_of_threads(PoolBlocked.Kind kind)
    {
        using var three = new Workers(3);
        for (int seed = 0; seed < 100; seed++)
        {
            var r = new Random(seed);
            var w = new Window3(WindowDim.One, Dim(r, 9), Dim(r, 40));
            int channels = r.Next(1, 40), n = channels * w.Outputs;
            float[] x = TestData.Floats(channels * w.Inputs, seed), expected = new float[n], plain = new float[n], blocked = new float[Up(channels) * w.Inputs], one = new float[Up(channels) * w.Outputs], many = new float[one.Length];
            if (kind == PoolBlocked.Kind.Max && seed % 2 == 0) x[r.Next(x.Length)] = float.NaN;
            BlockedConvert.ToBlocked(Workers.Single, x, 1, channels, w.Inputs, 16, blocked);
            Assert.True(PoolBlocked.Supports(w));
            fixed (float* px = x, pe = expected, pb = blocked, p1 = one, pn = many)
            {
                if (kind == PoolBlocked.Kind.Max) Pooling.Max(Workers.Single, channels, w, px, pe, null, false);
                else Pooling.Run(Workers.Single, channels, w, px, pe, new AveragePooling<float>(kind == PoolBlocked.Kind.AveragePadded));
                PoolBlocked.Run(Workers.Single, kind, Up(channels) / 16, w, pb, p1);
                PoolBlocked.Run(three, kind, Up(channels) / 16, w, pb, pn);
            }
            Assert.Equal(one, many);
            BlockedConvert.FromBlocked(Workers.Single, one, 1, channels, w.Outputs, 16, plain);
            for (int i = 0; i < n; i++) Assert.Equal(expected[i], plain[i], 2e-6f);
        }
    }

    [Theory]
    [InlineData(1, 16, 1), InlineData(2, 40, 49), InlineData(3, 5, 200), InlineData(1, 33, 64)]
    public void Means_of_blocked_channels_are_those_of_plain_ones(int batch, int channels, int pixels)
    {
        using var three = new Workers(3);
        float[] x = TestData.Floats(batch * channels * pixels, 3), blocked = new float[batch * Up(channels) * pixels], one = new float[batch * channels], many = new float[one.Length];
        BlockedConvert.ToBlocked(Workers.Single, x, batch, channels, pixels, 16, blocked);
        fixed (float* pb = blocked, p1 = one, pn = many)
        {
            PoolBlocked.GlobalAverage(Workers.Single, batch, channels, pixels, pb, p1);
            PoolBlocked.GlobalAverage(three, batch, channels, pixels, pb, pn);
        }
        Assert.Equal(one, many);
        for (int i = 0; i < one.Length; i++) Assert.Equal(x.Skip(i * pixels).Take(pixels).Average(v => (double)v), one[i], 2e-6);
    }

    [Fact]
    public void A_row_that_is_mostly_padding_is_left_to_other_kernels() =>
        Assert.False(PoolBlocked.Supports(new(WindowDim.One, WindowDim.One, new(3, 3, 2, 1 << 28, 1, 1 << 29, 1 << 29))));

    [Fact]
    public void Joined_blocks_and_channels_last_hold_what_plain_tensors_hold()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var r = new Random(seed);
            int batch = r.Next(1, 3), spatial = r.Next(1, 30), count = r.Next(1, 4);
            int[] channels = [.. Enumerable.Range(0, count).Select(_ => r.Next(3) == 0 ? 8 * r.Next(1, 5) : r.Next(1, 40))];
            int all = channels.Sum();
            float[][] plain = [.. channels.Select((c, i) => TestData.Floats(batch * c * spatial, seed + i))], blocked = [.. channels.Select(c => new float[batch * Up(c) * spatial])];
            for (int i = 0; i < count; i++) BlockedConvert.ToBlocked(Workers.Single, plain[i], batch, channels[i], spatial, 16, blocked[i]);
            float[] joined = new float[batch * Up(all) * spatial], back = new float[batch * all * spatial], last = new float[back.Length];
            var pins = blocked.Select(b => System.Runtime.InteropServices.GCHandle.Alloc(b, System.Runtime.InteropServices.GCHandleType.Pinned)).ToList();
            var parts = pins.Select((p, i) => new BlockedMove.Part(p.AddrOfPinnedObject(), channels[i])).ToArray();
            fixed (BlockedMove.Part* pp = parts)
            fixed (float* py = joined, pl = last)
            {
                BlockedMove.Concat(Workers.Single, batch, spatial, pp, count, py);
                BlockedMove.ToChannelsLast(Workers.Single, batch, all, spatial, py, pl);
            }
            foreach (var p in pins) p.Free();
            BlockedConvert.FromBlocked(Workers.Single, joined, batch, all, spatial, 16, back);
            for (int n = 0; n < batch; n++)
                for (int i = 0, first = 0; i < count; first += channels[i++])
                    for (int c = 0; c < channels[i]; c++)
                        for (int s = 0; s < spatial; s++)
                        {
                            float e = plain[i][(n * channels[i] + c) * spatial + s];
                            Assert.Equal(e, back[(n * all + first + c) * spatial + s]);
                            Assert.Equal(e, last[(n * spatial + s) * all + first + c]);
                        }
        }
    }

    private static int Up(int channels) => (channels + 15) / 16 * 16;
}
