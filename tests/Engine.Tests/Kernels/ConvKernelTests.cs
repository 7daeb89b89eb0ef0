using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Every convolution kernel against the definition, over seeded random shapes.</summary>
public unsafe class ConvKernelTests
{
    private static ConvShape RandomShape(Random r, bool grouped, bool depth)
    {
        WindowDim Dim(int most, bool blockable)
        {
            int kernel = r.Next(1, 5), dilation = r.Next(1, 3), stride = r.Next(1, blockable ? 3 : 4), pad = r.Next(0, 3), end = r.Next(0, 3), reach = (kernel - 1) * dilation + 1;
            int input = Math.Max(r.Next(1, most), reach - pad - end);
            if (r.Next(3) == 0) return new WindowDim(input, input, 1, 1, 1, 0, 0);
            return new WindowDim(input, (input + pad + end - reach) / stride + 1, kernel, stride, dilation, pad, end);
        }
        int group = grouped ? r.Next(1, 4) : 1;
        return new ConvShape(r.Next(1, 3), group * r.Next(1, 36), group * r.Next(1, 52), group, new Window3(depth ? Dim(5, false) : WindowDim.One, Dim(9, false), Dim(36, true)));
    }

    private static (float[] X, float[] W, float[] B, float[] Expected) Data(in ConvShape s, int seed)
    {
        float[] x = TestData.Floats(s.Batch * s.Channels * s.Window.Inputs, seed), w = TestData.Floats(s.OutChannels * s.GroupChannels * s.Window.Taps, seed + 1), b = TestData.Floats(s.OutChannels, seed + 2);
        var y = new float[s.Batch * s.OutChannels * s.Window.Outputs];
        fixed (float* px = x, pw = w, pb = b, py = y) ConvReference.Run(Workers.Single, s, px, pw, pb, py);
        return (x, w, b, y);
    }

    private static void AssertClose(float[] expected, ReadOnlySpan<float> actual, in ConvShape s, float looser = 1)
    {
        float tolerance = looser * 2e-6f * (4 + MathF.Sqrt(s.GroupChannels * s.Window.Taps));
        for (int i = 0; i < expected.Length; i++)
            if (!(Math.Abs(expected[i] - actual[i]) <= tolerance)) Assert.Fail($"{s}: element {i} is {actual[i]}, expected {expected[i]}");
    }

    [Fact]
    public void Plain_product_agrees_with_the_definition_on_any_number_of_threads()
    {
        using var three = new Workers(3);
        for (int seed = 0; seed < 24; seed++)
        {
            var s = RandomShape(new Random(seed), true, seed % 3 == 0);
            var (x, w, b, expected) = Data(s, seed);
            float[] one = new float[expected.Length], many = new float[expected.Length], work = new float[ConvF32.WorkFloats(s)];
            fixed (float* px = x, pw = w, pb = b, p1 = one, pn = many, pk = work)
            {
                ConvF32.Run(Workers.Single, s, px, pw, pb, p1, pk, default);
                ConvF32.Run(three, s, px, pw, pb, pn, pk, default);
            }
            AssertClose(expected, one, s);
            Assert.Equal(one, many);
        }
    }

    [Fact]
    public void Convolution_of_one_channel_along_one_axis_agrees_with_the_definition_on_any_number_of_threads()
    {
        using var three = new Workers(3);
        for (int seed = 0; seed < 24; seed++)
        {
            var r = new Random(seed);
            int kernel = r.Next(1, 60), dilation = r.Next(1, 3), stride = r.Next(1, 40), outputs = r.Next(1, 65), input = (outputs - 1) * stride + (kernel - 1) * dilation + 1 + r.Next(stride);
            var s = new ConvShape(r.Next(1, 3), 1, r.Next(1, 300), 1, new Window3(WindowDim.One, WindowDim.One, new(input, outputs, kernel, stride, dilation, 0, 0)));
            Assert.True(Conv1dF32.Supports(s));
            var (x, w, b, expected) = Data(s, seed);
            float[] one = new float[expected.Length], many = new float[expected.Length], packed = new float[Conv1dF32.PackedLength(s)], work = new float[Conv1dF32.WorkFloats(s)];
            var relu = new StoreEpilogue();
            relu.Add(Activation.Relu);
            fixed (float* px = x, pw = w, pb = b, p1 = one, pn = many, pp = packed, pk = work)
            {
                Conv1dF32.Pack(Workers.Single, s, pw, pp);
                Conv1dF32.Run(Workers.Single, s, px, pp, pb, p1, pk, relu);
                Conv1dF32.Run(three, s, px, pp, pb, pn, pk, relu);
            }
            AssertClose([.. expected.Select(v => Math.Max(0, v))], one, s);
            Assert.Equal(one, many);
        }
    }

    public static TheoryData<string> BlockedTiers => [.. ConvBlocked.Table.SupportedTiers];

    [Theory, MemberData(nameof(BlockedTiers))]
    public void Blocked_convolution_agrees_with_the_definition(string tier)
    {
        using var three = new Workers(3);
        for (int seed = 0; seed < 24; seed++)
        {
            var s = RandomShape(new Random(1000 + seed), false, false);
            bool plain = seed % 3 == 0;
            var (x, w, b, expected) = Data(s, seed);
            Assert.True(ConvBlocked.Supports(s));
            int pixels = s.Window.Outputs;
            float[] packed = new float[ConvBlocked.PackedLength(s, plain)], bias = new float[ConvBlocked.BiasLength(s)], work = new float[ConvBlocked.WorkFloats(s, plain)];
            ConvBlocked.Pack(Workers.Single, s, plain, w, packed);
            b.CopyTo(bias, 0);
            float[] input = plain ? x : Block(x, s.Batch, s.Channels, s.Window.Inputs), output = new float[s.Batch * Up(s.OutChannels) * pixels], many = new float[output.Length];
            // Whatever padding lanes of the input hold must not matter.
            if (!plain) Poison(input, s.Batch, s.Channels, s.Window.Inputs);
            Array.Fill(output, float.NaN);
            Array.Fill(work, float.NaN);
            float[] plus = Block(TestData.Floats(expected.Length, seed + 3), s.Batch, s.OutChannels, pixels);
            fixed (float* px = input, pw = packed, pb = bias, py = output, pn = many, pk = work, pp = plus)
            {
                var epilogue = Epilogue(seed, pp);
                ConvBlocked.Run(ConvBlocked.Table[tier], Workers.Single, s, plain, px, pw, pb, py, pk, epilogue);
                ConvBlocked.Run(ConvBlocked.Table[tier], three, s, plain, px, pw, pb, pn, pk, epilogue);
            }
            Assert.Equal(output, many);
            AssertBlocked(expected, output, plus, seed, s);
        }
    }

    public static TheoryData<string> DepthwiseTiers => [.. ConvDepthwiseBlocked.Table.SupportedTiers];

    [Theory, MemberData(nameof(DepthwiseTiers))]
    public void Blocked_depthwise_convolution_agrees_with_the_definition(string tier)
    {
        using var three = new Workers(3);
        for (int seed = 0; seed < 24; seed++)
        {
            var s = RandomShape(new Random(2000 + seed), false, false);
            s = s with { OutChannels = s.Channels, Group = s.Channels };
            var (x, w, b, expected) = Data(s, seed);
            float[] packed = new float[ConvDepthwiseBlocked.PackedLength(s)], bias = new float[Up(s.OutChannels)];
            ConvDepthwiseBlocked.Pack(s, w, packed);
            b.CopyTo(bias, 0);
            float[] input = Block(x, s.Batch, s.Channels, s.Window.Inputs), output = new float[s.Batch * Up(s.OutChannels) * s.Window.Outputs], plus = Block(TestData.Floats(expected.Length, seed + 3), s.Batch, s.OutChannels, s.Window.Outputs);
            Array.Fill(output, float.NaN);
            fixed (float* px = input, pw = packed, pb = bias, py = output, pp = plus) ConvDepthwiseBlocked.Run(ConvDepthwiseBlocked.Table[tier], three, s, px, pw, pb, py, Epilogue(seed, pp));
            AssertBlocked(expected, output, plus, seed, s);
        }
    }

    public static TheoryData<string, string> WinogradTiers
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string input in ConvWinograd.InputTable.SupportedTiers)
                foreach (string output in ConvWinograd.OutputTable.SupportedTiers) data.Add(input, output);
            return data;
        }
    }

    [Theory, MemberData(nameof(WinogradTiers))]
    public void Winograd_convolution_agrees_with_the_definition(string inputTier, string outputTier)
    {
        using var three = new Workers(3);
        for (int seed = 0; seed < 24; seed++)
        {
            var r = new Random(5000 + seed);
            WindowDim Dim()
            {
                int pad = r.Next(0, 3), end = r.Next(0, 3), input = r.Next(Math.Max(1, 3 - pad - end), 40);
                return new WindowDim(input, input + pad + end - 2, 3, 1, 1, pad, end);
            }
            // Whole blocks of channels may be the first ones of wider weights.
            bool part = seed % 3 == 0;
            var s = new ConvShape(r.Next(1, 3), part ? 16 * r.Next(1, 5) : r.Next(1, 70), part ? 16 * r.Next(1, 5) : r.Next(1, 70), 1, new Window3(WindowDim.One, Dim(), Dim()));
            var whole = part ? s with { Channels = s.Channels + r.Next(40), OutChannels = s.OutChannels + r.Next(40) } : s;
            Assert.True(ConvWinograd.Supports(s));
            var (x, narrow, b, expected) = Data(s, seed);
            float[] w = TestData.Floats(whole.OutChannels * whole.Channels * 9, seed + 4);
            for (int m = 0; m < s.OutChannels; m++) Array.Copy(narrow, m * s.Channels * 9, w, m * whole.Channels * 9, s.Channels * 9);
            float[] packed = new float[ConvWinograd.PackedLength(whole)], bias = new float[ConvWinograd.BiasLength(s)], work = new float[ConvWinograd.WorkFloats(s)];
            b.CopyTo(bias, 0);
            float[] input = Block(x, s.Batch, s.Channels, s.Window.Inputs), output = new float[s.Batch * Up(s.OutChannels) * s.Window.Outputs], many = new float[output.Length], plus = Block(TestData.Floats(expected.Length, seed + 3), s.Batch, s.OutChannels, s.Window.Outputs);
            Poison(input, s.Batch, s.Channels, s.Window.Inputs);
            Array.Fill(output, float.NaN);
            Array.Fill(work, float.NaN);
            fixed (float* px = input, pw = w, pq = packed, pb = bias, py = output, pn = many, pk = work, pp = plus)
            {
                ConvWinograd.Pack(Workers.Single, whole, pw, pq);
                ConvWinograd.Run(ConvWinograd.InputTable[inputTier], ConvWinograd.OutputTable[outputTier], ConvBlocked.Table.Best, Workers.Single, s, px, pq, pb, py, pk, Epilogue(seed, pp), whole.Channels);
                ConvWinograd.Run(ConvWinograd.InputTable[inputTier], ConvWinograd.OutputTable[outputTier], ConvBlocked.Table.Best, three, s, px, pq, pb, pn, pk, Epilogue(seed, pp), whole.Channels);
            }
            Assert.Equal(output, many);
            AssertBlocked(expected, output, plus, seed, s, 4);
        }
    }

    public static TheoryData<string> RowTiers => [.. ConvDepthwiseF32.Table.SupportedTiers];

    [Theory, MemberData(nameof(RowTiers))]
    public void Depthwise_rows_agree_with_the_reference(string tier)
    {
        for (int count = 0; count < 40; count++)
            foreach (int stride in new[] { 1, 2, 3 })
            {
                float[] x = TestData.Floats(count * stride + 1, count), expected = TestData.Floats(count, 7), actual = [.. expected];
                fixed (float* px = x, pe = expected, py = actual)
                {
                    ConvDepthwiseF32.Table.Reference(0.37f, px, stride, pe, count);
                    ConvDepthwiseF32.Table[tier](0.37f, px, stride, py, count);
                }
                for (int i = 0; i < count; i++) Assert.Equal(expected[i], actual[i], 1e-6f);
            }
    }

    [Fact]
    public void Plain_depthwise_convolution_agrees_with_the_definition()
    {
        for (int seed = 0; seed < 24; seed++)
        {
            var s = RandomShape(new Random(3000 + seed), false, seed % 2 == 0);
            s = s with { OutChannels = s.Channels * 2, Group = s.Channels };
            var (x, w, b, expected) = Data(s, seed);
            var y = new float[expected.Length];
            fixed (float* px = x, pw = w, pb = b, py = y) ConvDepthwiseF32.Run(Workers.Single, s, px, pw, pb, py, default);
            AssertClose(expected, y, s);
        }
    }

    [Theory]
    [InlineData(1, 1, 1), InlineData(2, 16, 5), InlineData(1, 40, 49), InlineData(3, 33, 130), InlineData(1, 16, 0)]
    public void Blocking_and_back_restores_the_tensor(int n, int c, int spatial)
    {
        float[] x = TestData.Floats(n * c * spatial, 5), y = new float[x.Length], blocked = new float[n * Up(c) * spatial];
        Array.Fill(blocked, float.NaN);
        BlockedConvert.ToBlocked(Workers.Single, x, n, c, spatial, 16, blocked);
        Assert.Equal(Block(x, n, c, spatial), blocked);
        BlockedConvert.FromBlocked(Workers.Single, blocked, n, c, spatial, 16, y);
        Assert.Equal(x, y);
    }

    [Theory]
    [InlineData(PoolBlocked.Kind.Max), InlineData(PoolBlocked.Kind.Average), InlineData(PoolBlocked.Kind.AveragePadded)]
    public void Blocked_pools_agree_with_plain_ones(PoolBlocked.Kind kind)
    {
        for (int seed = 0; seed < 24; seed++)
        {
            var s = RandomShape(new Random(4000 + seed), false, false);
            var x = TestData.Floats(s.Batch * s.Channels * s.Window.Inputs, seed);
            float[] input = Block(x, s.Batch, s.Channels, s.Window.Inputs), output = new float[s.Batch * Up(s.Channels) * s.Window.Outputs], expected = new float[s.Batch * s.Channels * s.Window.Outputs], y = new float[expected.Length];
            fixed (float* px = x, pe = expected, pi = input, po = output)
            {
                if (kind == PoolBlocked.Kind.Max) Pooling.Max(Workers.Single, s.Batch * s.Channels, s.Window, px, pe, null, false);
                else Pooling.Run(Workers.Single, s.Batch * s.Channels, s.Window, px, pe, new AveragePooling<float>(kind == PoolBlocked.Kind.AveragePadded));
                PoolBlocked.Run(Workers.Single, kind, s.Batch * Up(s.Channels) / 16, s.Window, pi, po);
            }
            BlockedConvert.FromBlocked(Workers.Single, output, s.Batch, s.Channels, s.Window.Outputs, 16, y);
            for (int i = 0; i < y.Length; i++) Assert.Equal(expected[i], y[i], 1e-6f);
        }
    }

    [Fact]
    public void Epilogue_steps_follow_in_order()
    {
        float[] y = TestData.Floats(37, 1), residual = TestData.Floats(50, 2), expected = new float[37];
        for (int i = 0; i < 37; i++) expected[i] = Math.Max(0, y[i] + residual[i + 5]);
        fixed (float* p = residual)
        {
            var e = new StoreEpilogue();
            e.Add(p);
            e.Add(Activation.Relu);
            e.Apply(5, y);
        }
        Assert.Equal(expected, y);
    }

    // What follows a convolution, by seed: nothing, bounds, an addition, both, or steps that no kernel does in registers.
    private static StoreEpilogue Epilogue(int seed, float* plus)
    {
        var e = new StoreEpilogue();
        if (seed % 5 is 2 or 3) e.Add(plus);
        if (seed % 5 is 1 or 3) e.Add(Activation.Clip(-0.5f, 0.25f));
        if (seed % 5 == 4)
        {
            e.Add(Activation.Relu);
            e.Add(plus);
        }
        return e;
    }

    private static float After(int seed, float v, float plus) => (seed % 5) switch
    {
        1 => Math.Clamp(v, -0.5f, 0.25f),
        2 => v + plus,
        3 => Math.Clamp(v + plus, -0.5f, 0.25f),
        4 => Math.Max(v, 0) + plus,
        _ => v,
    };

    private static void AssertBlocked(float[] expected, float[] output, float[] plus, int seed, in ConvShape s, float looser = 1)
    {
        float[] y = new float[expected.Length], p = new float[expected.Length];
        BlockedConvert.FromBlocked(Workers.Single, output, s.Batch, s.OutChannels, s.Window.Outputs, 16, y);
        BlockedConvert.FromBlocked(Workers.Single, plus, s.Batch, s.OutChannels, s.Window.Outputs, 16, p);
        AssertClose([.. expected.Select((v, i) => After(seed, v, p[i]))], y, s, looser);
        AssertPaddingIsZero(output, s.Batch, s.OutChannels, s.Window.Outputs);
    }

    private static int Up(int channels) => (channels + 15) / 16 * 16;

    private static float[] Block(float[] x, int n, int c, int spatial)
    {
        var y = new float[n * Up(c) * spatial];
        for (int i = 0; i < n; i++)
            for (int k = 0; k < c; k++)
                for (int p = 0; p < spatial; p++) y[((i * Up(c) / 16 + k / 16) * spatial + p) * 16 + k % 16] = x[(i * c + k) * spatial + p];
        return y;
    }

    private static void ForPadding(int n, int c, int spatial, Action<int> visit)
    {
        for (int i = 0; i < n; i++)
            for (int k = c; k < Up(c); k++)
                for (int p = 0; p < spatial; p++) visit(((i * Up(c) / 16 + k / 16) * spatial + p) * 16 + k % 16);
    }

    private static void Poison(float[] x, int n, int c, int spatial) => ForPadding(n, c, spatial, i => x[i] = float.NaN);

    private static void AssertPaddingIsZero(float[] x, int n, int c, int spatial) => ForPadding(n, c, spatial, i => Assert.Equal(0, x[i]));
}
