using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Kernels of channels-last 8-bit codes: integers and their rounding, so every tier gives the reference's bits.</summary>
internal static unsafe class CodeProperties
{
    public static IEnumerable<KernelProperty> All =>
    [
        new(RequantizeU8.Table, 500, Requantize), new(AddU8.Table, 500, Add), new(ConvDepthwiseU8S8.Table, 300, Depthwise), new(PoolU8.MaxTable, 300, Max), new(PoolU8.SumTable, 300, Sum),
        new(RequantizeDyadic.Table, 500, RequantizeByDyadic), new(AddDyadic.Table, 500, AddByDyadic),
    ];

    private static void Requantize(Operands o)
    {
        var r = o.Random;
        int channels = r.Next(1, 70), pixels = r.Next(0, 9), stride = (channels + 15) / 16 * 16 + 16 * r.Next(2), gap = r.Next(3), zero = r.Next(256), min = r.Next(256), max = r.Next(min, 256);
        int length = pixels * (channels + gap);
        int* sums = o.Take<int>(pixels * stride);
        for (int i = 0; i < pixels * stride; i++) sums[i] = r.Next(8) switch { 0 => int.MaxValue - r.Next(3), 1 => int.MinValue + r.Next(3), 2 => r.Next(), _ => r.Next(-40000, 40000) };
        float* scale = o.Floats(channels + 16), offset = o.Floats(channels + 16);
        // Powers of two make ties; some factors leave the range of codes far behind.
        for (int c = 0; c < channels; c++) (scale[c], offset[c]) = r.Next(4) switch { 0 => (0.5f, 0), 1 => (0.25f, 0.5f), 2 => (scale[c] * 1e20f, offset[c]), _ => (scale[c] * 0.02f, offset[c]) };
        byte* expected = o.Take<byte>(length);
        RequantizeU8.Table.Reference(sums, stride, pixels, channels, new(scale, offset, zero, min, max), expected, channels + gap);
        foreach (string tier in KernelProperty.Fast(RequantizeU8.Table))
        {
            byte* y = o.Take<byte>(length);
            RequantizeU8.Table[tier](sums, stride, pixels, channels, new(scale, offset, zero, min, max), y, channels + gap);
            AssertSame($"requantize-u8 {tier} {pixels}x{channels}", expected, y, length);
        }
    }

    private static void Add(Operands o)
    {
        var r = o.Random;
        int count = KernelProperty.Length(r), min = r.Next(256), max = r.Next(min, 256);
        float Scale() => r.Next(4) switch { 0 => MathF.Pow(2, r.Next(-8, 8)), 1 => MathF.Pow(10, r.Next(-36, 36)), _ => 0.001f + r.NextSingle() };
        var grids = new AddU8.Grids(Scale(), r.Next(256), Scale(), r.Next(256), Scale(), r.Next(256), min, max);
        byte* a = Codes(o, count), b = Codes(o, count), expected = o.Take<byte>(count);
        AddU8.Table.Reference(a, b, expected, count, grids);
        foreach (string tier in KernelProperty.Fast(AddU8.Table))
        {
            byte* y = o.Take<byte>(count);
            AddU8.Table[tier](a, b, y, count, grids);
            AssertSame($"add-u8 {tier} {grids}", expected, y, count);
        }
    }

    private static void RequantizeByDyadic(Operands o)
    {
        var r = o.Random;
        int channels = r.Next(1, 70), pixels = r.Next(0, 9), stride = (channels + 15) / 16 * 16, zero = r.Next(256), min = r.Next(256), max = r.Next(min, 256);
        int* sums = o.Take<int>(pixels * stride), multiplier = o.Take<int>(channels + 16), shift = o.Take<int>(channels + 16);
        for (int i = 0; i < pixels * stride; i++) sums[i] = r.Next(8) switch { 0 => int.MaxValue - r.Next(3), 1 => int.MinValue + r.Next(3), 2 => r.Next(), _ => r.Next(-40000, 40000) };
        for (int c = 0; c < channels + 16; c++) (multiplier[c], shift[c]) = Dyadic.Of(r.Next(4) switch { 0 => 0.5, 1 => -0.003, 2 => Math.Pow(2, r.Next(-40, 40)), _ => r.NextDouble() * 0.02 });
        byte* expected = o.Take<byte>(pixels * channels);
        RequantizeDyadic.Table.Reference(sums, stride, pixels, channels, new(multiplier, shift, zero, min, max), expected, channels);
        foreach (string tier in KernelProperty.Fast(RequantizeDyadic.Table))
        {
            byte* y = o.Take<byte>(pixels * channels);
            RequantizeDyadic.Table[tier](sums, stride, pixels, channels, new(multiplier, shift, zero, min, max), y, channels);
            AssertSame($"requantize-dyadic-u8 {tier} {pixels}x{channels}", expected, y, pixels * channels);
        }
    }

    private static void AddByDyadic(Operands o)
    {
        var r = o.Random;
        int count = KernelProperty.Length(r), min = r.Next(256), max = r.Next(min, 256);
        double Ratio() => r.Next(3) == 0 ? Math.Pow(2, r.Next(-40, 20)) : r.NextDouble() * 3;
        Assert.True(AddDyadic.Grids.TryOf(Ratio(), r.Next(256), Ratio(), r.Next(256), r.Next(256), min, max, out var grids));
        byte* a = Codes(o, count), b = Codes(o, count), expected = o.Take<byte>(count);
        AddDyadic.Table.Reference(a, b, expected, count, grids);
        foreach (string tier in KernelProperty.Fast(AddDyadic.Table))
        {
            byte* y = o.Take<byte>(count);
            AddDyadic.Table[tier](a, b, y, count, grids);
            AssertSame($"add-dyadic-u8 {tier} {grids}", expected, y, count);
        }
    }

    private static void Depthwise(Operands o)
    {
        var r = o.Random;
        const int Block = ConvDepthwiseU8S8.Block;
        int pairs = r.Next(0, 8), pixels = r.Next(0, 8), step = r.Next(1, 4) * Block, last = 0;
        nint* offsets = o.Take<nint>(2 * pairs);
        for (int i = 0; i < 2 * pairs; i++) last = Math.Max(last, (int)(offsets[i] = r.Next(4) * Block));
        byte* x = Codes(o, pixels == 0 ? 0 : (pixels - 1) * step + last + Block);
        short* w = o.Take<short>(2 * pairs * Block);
        for (int i = 0; i < 2 * pairs * Block; i++) w[i] = (short)r.Next(-255, 256);
        int* start = o.Take<int>(Block), expected = o.Take<int>(pixels * Block);
        for (int i = 0; i < Block; i++) start[i] = r.Next();
        ConvDepthwiseU8S8.Table.Reference(x, step, offsets, pairs, w, start, expected, pixels);
        foreach (string tier in KernelProperty.Fast(ConvDepthwiseU8S8.Table))
        {
            int* sums = o.Take<int>(pixels * Block);
            ConvDepthwiseU8S8.Table[tier](x, step, offsets, pairs, w, start, sums, pixels);
            AssertSame($"conv-depthwise-u8s8 {tier} {pairs} pairs, {pixels} pixels", (byte*)expected, (byte*)sums, 4 * pixels * Block);
        }
    }

    private static void Max(Operands o)
    {
        var r = o.Random;
        int channels = KernelProperty.Length(r), taps = r.Next(0, 10), reach = r.Next(1, 6), pixels = r.Next(0, 5), step = r.Next(1, 3);
        byte* x = Codes(o, pixels == 0 ? 0 : ((pixels - 1) * step + reach) * channels), expected = o.Take<byte>(pixels * channels);
        nint* offsets = o.Take<nint>(taps);
        for (int t = 0; t < taps; t++) offsets[t] = r.Next(reach) * channels;
        PoolU8.MaxTable.Reference(x, (nint)step * channels, offsets, taps, expected, channels, pixels);
        foreach (string tier in KernelProperty.Fast(PoolU8.MaxTable))
        {
            byte* y = o.Take<byte>(pixels * channels);
            PoolU8.MaxTable[tier](x, (nint)step * channels, offsets, taps, y, channels, pixels);
            AssertSame($"max-pool-u8 {tier} {channels}", expected, y, pixels * channels);
        }
    }

    private static void Sum(Operands o)
    {
        var r = o.Random;
        int channels = KernelProperty.Length(r), pixels = r.Next(5) == 0 ? r.Next(250, 600) : r.Next(0, 20), stride = channels + r.Next(3);
        byte* x = Codes(o, pixels == 0 ? 0 : (pixels - 1) * stride + channels);
        if (r.Next(2) == 0) new Span<byte>(x, pixels == 0 ? 0 : (pixels - 1) * stride + channels).Fill(255);
        int* start = o.Take<int>(channels);
        for (int i = 0; i < channels; i++) start[i] = r.Next(-1000, 1000);
        int* expected = o.Copy(start, channels);
        PoolU8.SumTable.Reference(x, stride, pixels, channels, expected);
        foreach (string tier in KernelProperty.Fast(PoolU8.SumTable))
        {
            int* sums = o.Copy(start, channels);
            PoolU8.SumTable[tier](x, stride, pixels, channels, sums);
            AssertSame($"sum-u8 {tier} {pixels}x{channels}", (byte*)expected, (byte*)sums, 4 * channels);
        }
    }

    private static byte* Codes(Operands o, int count)
    {
        byte* x = o.Take<byte>(count);
        o.Random.NextBytes(new Span<byte>(x, count));
        return x;
    }

    private static void AssertSame(string what, byte* expected, byte* actual, int bytes)
    {
        int at = new ReadOnlySpan<byte>(expected, bytes).CommonPrefixLength(new(actual, bytes));
        if (at < bytes) Assert.Fail($"{what}: byte {at} of {bytes} is {actual[at]}, expected {expected[at]}");
    }
}
