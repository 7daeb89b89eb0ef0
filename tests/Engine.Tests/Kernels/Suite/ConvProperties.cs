using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Convolutions on blocked tensors against the definition, tier by tier.</summary>
internal static unsafe class ConvProperties
{
    public static IEnumerable<KernelProperty> All =>
    [
        new(ConvBlocked.Table, 250, Dense), new(ConvDepthwiseBlocked.Table, 250, Depthwise), new(ConvWinograd.InputTable, 150, WinogradInput), new(ConvWinograd.OutputTable, 250, WinogradOutput),
        new(BlockedSelect.Table, 250, Select),
    ];

    private static WindowDim Dim(Random r, int most, int strides)
    {
        int kernel = r.Next(1, 5), dilation = r.Next(1, 3), stride = r.Next(1, strides + 1), pad = r.Next(0, 3), end = r.Next(0, 3), reach = (kernel - 1) * dilation + 1, input = Math.Max(r.Next(1, most), reach - pad - end);
        return r.Next(3) == 0 ? new(input, input, 1, 1, 1, 0, 0) : new(input, (input + pad + end - reach) / stride + 1, kernel, stride, dilation, pad, end);
    }

    private static int Up(int channels) => (channels + 15) / 16 * 16;

    private static void Dense(Operands o)
    {
        var r = o.Random;
        var window = new Window3(WindowDim.One, Dim(r, 7, 2), Dim(r, 24, 2));
        // Whole blocks of channels may be the first ones of wider weights.
        bool part = r.Next(3) == 0, plain = r.Next(3) == 0;
        var s = part ? new ConvShape(1, 16 * r.Next(1, 3), 16 * r.Next(1, 4), 1, window) : new ConvShape(1, r.Next(1, 36), r.Next(1, 50), 1, window);
        var whole = part ? new ConvShape(1, s.Channels + r.Next(40), s.OutChannels + r.Next(40), 1, window) : s;
        var (x, w, b, expected) = Reference(s, o);
        float* packed = o.Take<float>((int)ConvBlocked.PackedLength(whole, plain)), bias = o.Take<float>(ConvBlocked.BiasLength(s)), input = plain ? x : Blocked(x, s, o), wide = Wider(w, s, whole, o);
        ConvBlocked.Pack(Workers.Single, whole, plain, new(wide, whole.OutChannels * whole.Channels * s.Window.Taps), new(packed, (int)ConvBlocked.PackedLength(whole, plain)));
        new ReadOnlySpan<float>(b, s.OutChannels).CopyTo(new(bias, s.OutChannels));
        foreach (string tier in ConvBlocked.Table.SupportedTiers)
        {
            float* y = o.Take<float>(Up(s.OutChannels) * s.Window.Outputs), work = o.Take<float>((int)ConvBlocked.WorkFloats(s, plain));
            ConvBlocked.Run(ConvBlocked.Table[tier], Workers.Single, s, plain, input, packed, bias, y, work, default, part ? whole.Channels : 0);
            Compare($"conv-blocked {tier} {s} of {whole.Channels}", s, expected, y, o);
        }
    }

    // Weights of more channels of which those given are the first.
    private static float* Wider(float* w, in ConvShape s, in ConvShape whole, Operands o)
    {
        int taps = s.Window.Taps;
        float* wide = o.Floats(whole.OutChannels * whole.Channels * taps);
        for (int m = 0; m < s.OutChannels; m++) new ReadOnlySpan<float>(w + m * s.Channels * taps, s.Channels * taps).CopyTo(new(wide + m * whole.Channels * taps, s.Channels * taps));
        return wide;
    }

    private static void Depthwise(Operands o)
    {
        var r = o.Random;
        int c = r.Next(1, 50);
        var s = new ConvShape(1, c, c, c, new Window3(WindowDim.One, Dim(r, 7, 3), Dim(r, 24, 3)));
        var (x, w, b, expected) = Reference(s, o);
        float* packed = o.Take<float>((int)ConvDepthwiseBlocked.PackedLength(s)), bias = o.Take<float>(Up(c)), input = Blocked(x, s, o);
        ConvDepthwiseBlocked.Pack(s, new(w, c * s.Window.Taps), new(packed, (int)ConvDepthwiseBlocked.PackedLength(s)));
        new ReadOnlySpan<float>(b, c).CopyTo(new(bias, c));
        foreach (string tier in ConvDepthwiseBlocked.Table.SupportedTiers)
        {
            float* y = o.Take<float>(Up(c) * s.Window.Outputs);
            ConvDepthwiseBlocked.Run(ConvDepthwiseBlocked.Table[tier], Workers.Single, s, input, packed, bias, y, default);
            Compare($"conv-depthwise-blocked {tier} {s}", s, expected, y, o);
        }
    }

    private static void Select(Operands o)
    {
        var r = o.Random;
        int pixels = r.Next(1, 20), from = r.Next(1, 60), channels = r.Next(1, 60), blocks = Up(channels) / 16, rowsOfBlock = r.Next(1, pixels + 1);
        float* x = o.Floats(Up(from) * pixels, Fill.Anything);
        int* source = o.Take<int>(channels), starts = o.Take<int>(blocks + 1), rows = r.Next(2) == 0 ? null : o.Take<int>(rowsOfBlock);
        for (int i = 0; i < channels; i++) source[i] = r.Next(-1, from);
        for (int i = 0; rows is not null && i < rowsOfBlock; i++) rows[i] = r.Next(pixels);
        var pieces = o.Take<BlockedSelect.Piece>(channels);
        BlockedSelect.Plan(source, channels, BlockedSelect.Steps.Blocked(pixels), pieces, starts);
        foreach (string tier in BlockedSelect.Table.SupportedTiers)
        {
            float* y = o.Take<float>(Up(channels) * rowsOfBlock);
            BlockedSelect.Run(BlockedSelect.Table[tier], Workers.Single, x, 16, pieces, starts, blocks, rows, rowsOfBlock, y, BlockedSelect.Steps.Blocked(rowsOfBlock));
            for (int c = 0; c < Up(channels); c++)
                for (int p = 0; p < rowsOfBlock; p++)
                {
                    int k = c < channels ? source[c] : -1, at = rows is null ? p : rows[p];
                    float expected = k < 0 ? 0 : x[(k / 16 * pixels + at) * 16 + k % 16], actual = y[(c / 16 * rowsOfBlock + p) * 16 + c % 16];
                    Assert.True(BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual), $"blocked-select {tier}: channel {c} of {channels}, row {p} is {actual}, expected {expected}");
                }
        }
    }

    private static Data Reference(in ConvShape s, Operands o)
    {
        float* x = o.Floats(s.Channels * s.Window.Inputs), w = o.Floats(s.OutChannels * s.GroupChannels * s.Window.Taps), b = o.Floats(s.OutChannels), y = o.Take<float>(s.OutChannels * s.Window.Outputs);
        ConvReference.Run(Workers.Single, s, x, w, b, y);
        return new(x, w, b, y);
    }

    private readonly struct Data(float* x, float* w, float* b, float* y)
    {
        public void Deconstruct(out float* px, out float* pw, out float* pb, out float* py)
        {
            px = x;
            pw = w;
            pb = b;
            py = y;
        }
    }

    // Padding lanes hold NaN: they must not matter.
    private static float* Blocked(float* x, in ConvShape s, Operands o)
    {
        int n = Up(s.Channels) * s.Window.Inputs;
        float* y = o.Take<float>(n);
        BlockedConvert.ToBlocked(Workers.Single, new(x, s.Channels * s.Window.Inputs), 1, s.Channels, s.Window.Inputs, 16, new(y, n));
        for (int i = 0; i < n; i++)
            if (i / (s.Window.Inputs * 16) * 16 + i % 16 >= s.Channels) y[i] = float.NaN;
        return y;
    }

    private static void Compare(string what, in ConvShape s, float* expected, float* y, Operands o)
    {
        int n = s.OutChannels * s.Window.Outputs;
        float* actual = o.Take<float>(n);
        BlockedConvert.FromBlocked(Workers.Single, new(y, Up(s.OutChannels) * s.Window.Outputs), 1, s.OutChannels, s.Window.Outputs, 16, new(actual, n));
        KernelProperty.AssertClose(what, expected, actual, null, n, 2e-6 * (4 + Math.Sqrt(s.GroupChannels * s.Window.Taps)));
    }

    private static void WinogradInput(Operands o)
    {
        int rowStep = 96 + 16 * o.Random.Next(4), positionStep = 16 * o.Random.Next(1, 4), size = 35 * positionStep + 16;
        float* x = o.Floats(5 * rowStep + 96), expected = o.Take<float>(size);
        ConvWinograd.InputTable.Reference(x, rowStep, expected, positionStep);
        foreach (string tier in KernelProperty.Fast(ConvWinograd.InputTable))
        {
            float* y = o.Take<float>(size);
            ConvWinograd.InputTable[tier](x, rowStep, y, positionStep);
            KernelProperty.AssertClose($"winograd-input {tier}", expected, y, null, size, 2e-5);
        }
    }

    private static void WinogradOutput(Operands o)
    {
        var r = o.Random;
        int positionStep = 16 * r.Next(1, 4), rows = r.Next(1, 5), columns = r.Next(1, 5), rowStep = 16 * (columns + r.Next(3)), size = (rows - 1) * rowStep + columns * 16;
        float* m = o.Floats(35 * positionStep + 16), bias = r.Next(2) == 0 ? null : o.Floats(16), expected = o.Take<float>(size);
        ConvWinograd.OutputTable.Reference(Tile(expected));
        foreach (string tier in KernelProperty.Fast(ConvWinograd.OutputTable))
        {
            float* y = o.Take<float>(size);
            ConvWinograd.OutputTable[tier](Tile(y));
            KernelProperty.AssertClose($"winograd-output {tier} {rows}x{columns}", expected, y, null, size, 2e-4);
        }

        ConvWinograd.OutputTile Tile(float* y) => new() { M = m, PositionStep = positionStep, Bias = bias, Y = y, RowStep = rowStep, Rows = rows, Columns = columns, Tail = StoreTail.None };
    }
}
