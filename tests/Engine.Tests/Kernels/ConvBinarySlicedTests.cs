using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Bit-sliced convolutions of signs against their definition: any window, stride and padding, batches, tails, both forms of input and all of output.</summary>
public unsafe class ConvBinarySlicedTests
{
    public static TheoryData<SlicedExecution, bool> Executions => new() { { SlicedExecution.Fr, true }, { SlicedExecution.Fr, false }, { SlicedExecution.Mst, true }, { SlicedExecution.Mst, false } };

    [Theory, MemberData(nameof(Executions))]
    public void Is_its_definition_bit_by_bit(SlicedExecution execution, bool fromPlanes)
    {
        using var workers = new Workers(2);
        for (int seed = 0; seed < 40; seed++)
        {
            var r = new Random(seed);
            var shape = fromPlanes ? Aligned(r) : Any(r);
            if (!SlicedWindow.Supports(shape)) continue;
            Check(workers, r, shape, execution, fromPlanes);
        }
    }

    private static ConvShape Aligned(Random r)
    {
        WindowDim Dim(int n)
        {
            int kernel = 1 + 2 * r.Next(0, 3), dilation = r.Next(1, 3), pad = r.Next(0, (kernel - 1) * dilation + 1);
            return new(n, n, kernel, 1, dilation, pad, (kernel - 1) * dilation - pad);
        }
        return new(r.Next(1, 4), r.Next(1, 70), r.Next(1, 12), 1, new(WindowDim.One, Dim(r.Next(1, 20)), Dim(r.Next(1, 40))));
    }

    private static ConvShape Any(Random r)
    {
        WindowDim Dim(int n)
        {
            int kernel = r.Next(1, 4), dilation = r.Next(1, 3), stride = r.Next(1, 4), pad = r.Next(0, 3), end = r.Next(0, 3);
            return new(n, Math.Max(0, n + pad + end - (kernel - 1) * dilation - 1) / stride + 1, kernel, stride, dilation, pad, end);
        }
        return new(r.Next(1, 4), r.Next(1, 140), r.Next(1, 12), 1, new(WindowDim.One, Dim(r.Next(5, 20)), Dim(r.Next(5, 30))));
    }

    private static void Check(Workers workers, Random r, ConvShape s, SlicedExecution execution, bool fromPlanes)
    {
        var (h, w) = (s.Window.H, s.Window.W);
        int taps = s.Window.Taps, columns = s.Channels * taps, across = (s.Channels + 63) / 64, inputs = s.Batch * s.Window.Inputs, outputs = s.Window.Outputs;
        var weight = SlicedOperands.Weight(r, new Shape(s.OutChannels, s.Channels, h.Kernel, w.Kernel), 80);
        var window = new SlicedWindow(s, fromPlanes);
        var conv = new ConvBinarySliced(window, execution, execution == SlicedExecution.Fr ? SlicedProgram.PackFr(weight, taps, r.Next(0, 7)) : SlicedProgram.PackMst(SpanningTree.Of(weight), taps));
        var words = Tensor.Allocate(DType.U64, new Shape(inputs, across));
        r.NextBytes(words.Bytes);
        if (s.Channels % 64 != 0) for (int p = 0; p < inputs; p++) words.Span<ulong>()[(p + 1) * across - 1] &= (1ul << (s.Channels % 64)) - 1;
        Tensor x = words;
        if (fromPlanes)
        {
            x = Tensor.Allocate(DType.U8, new Shape(BitPlanes.Bytes(inputs, s.Channels)));
            PlaneConvert.FromWords(workers, (ulong*)words.Pointer, inputs, s.Channels, x.Pointer);
        }
        var sums = new int[s.Batch * s.OutChannels * outputs];
        int[] signsOfWeight = SlicedOperands.Signs(weight);
        int[] input = [.. Enumerable.Range(0, inputs * s.Channels).Select(i => 1 - 2 * (int)(words.Span<ulong>()[i / s.Channels * across + i % s.Channels / 64] >> (i % s.Channels % 64) & 1))];
        for (int n = 0, at = 0; n < s.Batch; n++)
            for (int m = 0; m < s.OutChannels; m++)
                for (int oh = 0; oh < h.Output; oh++)
                    for (int ow = 0; ow < w.Output; ow++, at++)
                        for (int t = 0; t < taps; t++)
                        {
                            int y = h.Start(oh) + t / w.Kernel * h.Dilation, q = w.Start(ow) + t % w.Kernel * w.Dilation;
                            if (y < 0 || y >= h.Input || q < 0 || q >= w.Input) continue;
                            for (int c = 0; c < s.Channels; c++) sums[at] += input[((n * h.Input + y) * w.Input + q) * s.Channels + c] * signsOfWeight[m * columns + c * taps + t];
                        }
        var actual = Tensor.Allocate(DType.I32, new Shape(sums.Length));
        conv.ToSums(workers, x.Pointer, (int*)actual.Pointer);
        Assert.Equal(sums, actual.Span<int>().ToArray());

        float[] scale = [.. Enumerable.Range(0, s.OutChannels).Select(_ => r.NextSingle() - 0.5f)], bias = [.. scale.Select(_ => r.NextSingle() - 0.5f)];
        bool adds = r.Next(2) == 0;
        float least = r.Next(2) == 0 ? 0 : float.NegativeInfinity;
        var places = r.Next(2) == 0 ? FloatPlaces.Planes(s.OutChannels, outputs) : FloatPlaces.Blocked(s.OutChannels, outputs, 16);
        float[] residual = [.. Enumerable.Range(0, s.Batch * (int)places.Image).Select(_ => r.NextSingle() - 0.5f)];
        var floats = Tensor.Allocate(DType.F32, new Shape(residual.Length));
        floats.Bytes.Clear();
        // In place of the residual, and with the results' signs.
        bool overlaid = adds && r.Next(2) == 0, above = r.Next(2) == 0;
        if (overlaid) residual.CopyTo(floats.Span<float>());
        float threshold = r.NextSingle() - 0.5f;
        Tensor results = Tensor.Allocate(DType.U8, new Shape(BitPlanes.Bytes(window.Pixels, s.OutChannels))), words64 = Tensor.Allocate(DType.U64, new Shape(window.Pixels, (s.OutChannels + 63) / 64));
        fixed (float* a = scale, b = bias, c = residual)
            conv.ToF32(workers, x.Pointer, new((float*)floats.Pointer, places, a, b, overlaid ? (float*)floats.Pointer : adds ? c : null, least, null, new(results.Pointer, (nint)BitPlanes.ChannelBytes(window.Pixels), threshold, above)));
        PlaneConvert.ToWords(workers, results.Pointer, window.Pixels, s.OutChannels, (ulong*)words64.Pointer);
        var expectedFloats = new float[residual.Length];
        for (int i = 0; i < sums.Length; i++)
        {
            int m = i / outputs % s.OutChannels, at = (int)places.At(i / outputs / s.OutChannels * outputs + i % outputs, m);
            float v = MathF.FusedMultiplyAdd(sums[i], scale[m], bias[m]);
            expectedFloats[at] = Math.Max(least, adds ? v + residual[at] : v);
            int pixel = i / outputs / s.OutChannels * outputs + i % outputs;
            Assert.Equal(above ? expectedFloats[at] > threshold : expectedFloats[at] < threshold, (words64.Span<ulong>()[pixel * ((s.OutChannels + 63) / 64) + m / 64] >> (m % 64) & 1) != 0);
            if (overlaid) residual[at] = expectedFloats[at];
        }
        Assert.Equal(overlaid ? residual : expectedFloats, floats.Span<float>().ToArray());

        int[] thresholds = [.. Enumerable.Range(0, s.OutChannels).Select(_ => r.Next(8) switch { 0 => int.MaxValue, 1 => int.MinValue, 2 => columns, 3 => -columns, _ => r.Next(-columns / 2 - 1, columns / 2 + 2) })];
        bool[] negative = [.. thresholds.Select(_ => r.Next(2) == 0)];
        var packed = SlicedThresholds.Pack(window, conv.Program, thresholds, negative);
        var planes = Tensor.Allocate(DType.U8, new Shape(BitPlanes.Bytes(window.Pixels, s.OutChannels)));
        conv.ToPlanes(workers, x.Pointer, (uint*)packed.Pointer, planes.Pointer);
        var signs = Tensor.Allocate(DType.U64, new Shape(window.Pixels, 1));
        PlaneConvert.ToWords(workers, planes.Pointer, window.Pixels, s.OutChannels, (ulong*)signs.Pointer);
        for (int n = 0, at = 0; n < s.Batch; n++)
            for (int m = 0; m < s.OutChannels; m++)
                for (int p = 0; p < outputs; p++, at++)
                {
                    bool expected = negative[m] ? sums[at] > thresholds[m] : sums[at] < thresholds[m];
                    if (expected != ((signs.Span<ulong>()[n * outputs + p] >> m & 1) != 0)) Assert.Fail($"{s} {execution}: image {n}, channel {m}, pixel {p}, sum {sums[at]}, threshold {thresholds[m]}, negative {negative[m]}");
                }
        Assert.DoesNotContain(signs.Span<ulong>().ToArray(), v => v >> s.OutChannels != 0);
        foreach (var used in (Tensor[])[words, x, packed, planes, signs]) GC.KeepAlive(used);
    }

    // So many products that threads share them: blocks of pixels, and the channels of a block.
    [Theory]
    [InlineData(SlicedExecution.Fr, 1)]
    [InlineData(SlicedExecution.Fr, 3)]
    [InlineData(SlicedExecution.Mst, 3)]
    public void Threads_share_large_layers(SlicedExecution execution, int images)
    {
        var r = new Random(images);
        var side = new WindowDim(20, 20, 3, 1, 1, 1, 1);
        var s = new ConvShape(images, 180, 170, 1, new(WindowDim.One, side, side));
        var weight = SlicedOperands.Weight(r, new Shape(s.OutChannels, s.Channels, 3, 3), 80);
        var conv = new ConvBinarySliced(new SlicedWindow(s, true), execution, execution == SlicedExecution.Fr ? SlicedProgram.PackFr(weight, 9) : SlicedProgram.PackMst(SpanningTree.Of(weight), 9));
        var x = Tensor.Allocate(DType.U8, new Shape(BitPlanes.Bytes(s.Batch * s.Window.Inputs, s.Channels)));
        r.NextBytes(x.Bytes);
        int[]? first = null;
        foreach (int threads in (int[])[1, 2, 3])
        {
            using var workers = new Workers(threads);
            var y = Tensor.Allocate(DType.I32, new Shape(s.Batch * s.OutChannels * s.Window.Outputs));
            y.Span<int>().Fill(int.MinValue);
            conv.ToSums(workers, x.Pointer, (int*)y.Pointer);
            Assert.DoesNotContain(int.MinValue, y.Span<int>().ToArray());
            Assert.Equal(first ??= y.Span<int>().ToArray(), y.Span<int>().ToArray());
        }
        GC.KeepAlive(x);
    }

    [Fact]
    public void Signs_of_floats_become_planes_and_come_back()
    {
        var r = new Random(1);
        foreach (var (images, channels, pixels) in ((int, int, int)[])[(1, 3, 9), (3, 5, 200), (2, 2, 4200), (5, 1, 64)])
        {
            float[] x = [.. Enumerable.Range(0, images * channels * pixels).Select(_ => r.Next(8) == 0 ? -0f : r.NextSingle() - 0.5f)], back = new float[x.Length];
            float threshold = r.Next(2) == 0 ? 0 : 0.1f;
            bool above = r.Next(2) == 0;
            var y = Tensor.Allocate(DType.U8, new Shape(BitPlanes.Bytes(images * pixels, channels)));
            fixed (float* at = x, to = back)
            {
                PlaneConvert.FromF32(Workers.Single, at, images, channels, pixels, threshold, above, y.Pointer);
                PlaneConvert.ToF32(Workers.Single, y.Pointer, images, channels, pixels, to);
            }
            for (int i = 0; i < x.Length; i++)
            {
                int p = i / (channels * pixels) * pixels + i % pixels;
                bool negative = above ? x[i] > threshold : x[i] < threshold;
                Assert.Equal(negative, (y.Pointer[i / pixels % channels * BitPlanes.ChannelBytes(images * pixels) + p / 8] >> (p % 8) & 1) != 0);
                Assert.Equal(negative ? -1 : 1, back[i]);
            }
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        var weight = SlicedOperands.Weight(new Random(1), new Shape(2, 9), 50);
        Assert.Throws<UnsupportedException>(() => SlicedProgram.PackFr(weight, 2));
        Assert.Throws<UnsupportedException>(() => SlicedProgram.PackFr(new Dense(Tensor.Vector<float>(1, 2)), 1));
        var strided = new ConvShape(1, 4, 2, 1, new(WindowDim.One, new(9, 4, 3, 2, 1, 0, 0), new(9, 4, 3, 2, 1, 0, 0)));
        Assert.False(SlicedWindow.IsAligned(strided));
        Assert.Throws<UnsupportedException>(() => new SlicedWindow(strided, true));
        Assert.False(SlicedWindow.Supports(strided with { Group = 2 }));
        Assert.False(SlicedWindow.Supports(strided with { Channels = 1000 }));
        Assert.Throws<ArgumentException>(() => new ConvBinarySliced(new SlicedWindow(strided, false), SlicedExecution.Fr, SlicedProgram.PackFr(weight, 1)));
    }
}
