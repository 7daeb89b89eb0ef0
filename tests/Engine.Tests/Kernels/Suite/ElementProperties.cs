using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Functions of one element, and 8-bit codes.</summary>
internal static unsafe class ElementProperties
{
    public static IEnumerable<KernelProperty> All =>
    [
        .. UnaryF32.Tables.Select(t => new KernelProperty(t, 500, o => Unary(t, o))),
        new(Dequantize8.Table, 400, Dequantize),
        new(QuantizeF32.Table, 400, Quantize),
        new(SignBits.Table, 400, Signs),
    ];

    private static void Signs(Operands o)
    {
        var r = o.Random;
        int n = KernelProperty.Length(r), words = (n + 63) / 64;
        bool above = r.Next(2) == 0;
        float threshold = r.Next(3) == 0 ? r.NextSingle() - 0.5f : 0;
        float* x = o.Floats(n, Fill.Anything);
        for (int i = 0; i < n; i++)
            if (r.Next(8) == 0) x[i] = r.Next(2) == 0 ? threshold : -0f;
        foreach (string tier in SignBits.Table.SupportedTiers)
        {
            ulong* bits = o.Take<ulong>(words);
            new Span<ulong>(bits, words).Fill(ulong.MaxValue);
            SignBits.Table[tier](x, n, threshold, above, bits);
            for (int i = 0; i < words * 64; i++)
            {
                bool expected = i < n && (above ? x[i] > threshold : x[i] < threshold);
                if ((bits[i / 64] >> i % 64 & 1) != (expected ? 1u : 0)) Assert.Fail($"sign-bits {tier}: bit {i} of {n} is wrong");
            }
        }
    }

    private static void Unary(KernelTable<UnaryF32.Fn> table, Operands o)
    {
        var r = o.Random;
        int n = KernelProperty.Length(r);
        var bound = UnaryBound.Of(table.Stem);
        var exact = UnaryReference.Of(table.Stem);
        float* x = o.Floats(n, Fill.Anything);
        for (int i = 0; i < n; i++) x[i] *= 8;
        foreach (string tier in table.SupportedTiers)
        {
            // In place and not; any cut into two parts gives the same bits.
            bool inPlace = r.Next(2) == 0;
            float* from = inPlace ? o.Copy(x, n) : x, y = inPlace ? from : o.Take<float>(n), z = o.Take<float>(n);
            table[tier](from, y, n, bound.P0, bound.P1);
            int cut = r.Next(n + 1);
            table[tier](x, z, cut, bound.P0, bound.P1);
            table[tier](x + cut, z + cut, n - cut, bound.P0, bound.P1);
            Assert.True(new ReadOnlySpan<uint>(y, n).SequenceEqual(new ReadOnlySpan<uint>(z, n)), $"{table.Stem} {tier}: a cut at {cut} of {n} changes bits");
            for (int i = 0; i < n; i++)
                if (bound.Error(exact(x[i], bound.P0, bound.P1), y[i]) is var e && !(e <= bound.Ulp)) Assert.Fail($"{table.Stem} {tier}: f({x[i]:g9}) = {y[i]:g9} is {e:g4} ulp off");
        }
    }

    private static void Dequantize(Operands o)
    {
        var r = o.Random;
        int n = KernelProperty.Length(r), zero = r.Next(-128, 256);
        bool signed = r.Next(2) == 0;
        float scale = MathF.Exp(r.NextSingle() * 40 - 20);
        byte* codes = o.Take<byte>(n);
        r.NextBytes(new Span<byte>(codes, n));
        float* expected = o.Take<float>(n);
        Dequantize8.Table.Reference(new(codes, n), signed, scale, zero, new(expected, n));
        foreach (string tier in KernelProperty.Fast(Dequantize8.Table))
        {
            float* y = o.Take<float>(n);
            Dequantize8.Table[tier](new(codes, n), signed, scale, zero, new(y, n));
            Assert.True(new ReadOnlySpan<float>(expected, n).SequenceEqual(new(y, n)), $"dequantize-8 {tier}, {n} codes");
        }
    }

    private static void Quantize(Operands o)
    {
        var r = o.Random;
        bool signed = r.Next(2) == 0;
        int n = KernelProperty.Length(r), min = signed ? -128 : 0, max = signed ? 127 : 255, zero = r.Next(min, max + 1);
        float* x = o.Floats(n, Fill.Anything);
        float scale = MathF.Exp(r.NextSingle() * 8 - 8);
        byte* expected = o.Take<byte>(n);
        QuantizeF32.Table.Reference(new(x, n), scale, zero, min, max, new(expected, n));
        foreach (string tier in KernelProperty.Fast(QuantizeF32.Table))
        {
            byte* y = o.Take<byte>(n);
            QuantizeF32.Table[tier](new(x, n), scale, zero, min, max, new(y, n));
            Assert.True(new ReadOnlySpan<byte>(expected, n).SequenceEqual(new(y, n)), $"quantize-f32 {tier}, {n} numbers");
        }
    }
}
