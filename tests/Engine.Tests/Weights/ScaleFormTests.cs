using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Code tables and the forms of scales, each against a decoder that reads the bits by itself.</summary>
public class ScaleFormTests
{
    private static readonly Shape s_shape = new(3, 80);

    private static float[] Values(Weight w) => w.ToF32().Span<float>().ToArray();

    // sign, exponent, mantissa as the formats define them, in binary64.
    private static double Float(int code, int exponentBits, int mantissaBits)
    {
        int bias = (1 << (exponentBits - 1)) - 1, m = code & ((1 << mantissaBits) - 1), e = code >> mantissaBits & ((1 << exponentBits) - 1);
        double sign = code >> (exponentBits + mantissaBits) != 0 ? -1 : 1;
        return sign * (e == 0 ? m * Math.Pow(2, 1 - bias - mantissaBits) : (1 + m * Math.Pow(2, -mantissaBits)) * Math.Pow(2, e - bias));
    }

    [Fact]
    public void Tables_hold_what_their_formats_define()
    {
        for (int c = 0; c < 16; c++) Assert.Equal(Float(c, 2, 1), CodeTable.E2M1.Span<float>()[c]);
        for (int c = 0; c < 256; c++)
        {
            Assert.Equal((c & 0x7f) == 0x7f ? double.NaN : Float(c, 4, 3), CodeTable.E4M3.Span<float>()[c]);
            double five = (c & 0x7f) switch { 0x7c => c > 127 ? double.NegativeInfinity : double.PositiveInfinity, > 0x7c => double.NaN, _ => Float(c, 5, 2) };
            Assert.Equal(five, CodeTable.E5M2.Span<float>()[c]);
        }
        var nf4 = CodeTable.Nf4.Span<float>().ToArray();
        Assert.Equal((-1f, 0f, 1f), (nf4[0], nf4[7], nf4[15]));
        Assert.True(nf4.Zip(nf4.Skip(1)).All(p => p.First < p.Second));
        // Quantiles of the normal distribution: the positive half is cut into eight, the negative into seven, from the same outermost quantile.
        double outer = Quantile(0.9677083);
        for (int i = 0; i < 8; i++) Assert.Equal(Quantile(0.5 + 0.4677083 * (i + 1) / 8) / outer, nf4[8 + i], 2e-4);
        for (int i = 1; i < 8; i++) Assert.Equal(-Quantile(0.5 + 0.4677083 * i / 7) / outer, nf4[7 - i], 2e-4);
    }

    // By bisection of the error function's integral.
    private static double Quantile(double p)
    {
        double low = 0, high = 5;
        for (int i = 0; i < 60; i++)
        {
            double x = (low + high) / 2, sum = 0;
            const int steps = 2000;
            for (int j = 0; j < steps; j++)
            {
                double t = x * (j + 0.5) / steps;
                sum += Math.Exp(-t * t / 2);
            }
            if (0.5 + sum * x / steps / Math.Sqrt(2 * Math.PI) < p) low = x;
            else high = x;
        }
        return low;
    }

    public static TheoryData<string> Tables => ["nf4", "e2m1", "e4m3", "e5m2"];

    [Theory, MemberData(nameof(Tables))]
    public void Tables_have_names_and_look_codes_up(string name)
    {
        var table = name switch { "nf4" => CodeTable.Nf4, "e2m1" => CodeTable.E2M1, "e4m3" => CodeTable.E4M3, _ => CodeTable.E5M2 };
        int bits = name[0] == 'e' && name != "e2m1" ? 8 : 4;
        var r = new Random(bits);
        var stream = new byte[240 * bits / 8];
        r.NextBytes(stream);
        var scale = Tensor.Vector(0.5f, 3, 0.01f);
        var w = new Quantized(s_shape, bits, Tensor.Vector<byte>(stream), Granularity.Channel, new Dense(scale), table: table.Clone());
        var actual = Values(w);
        for (int i = 0; i < 240; i++)
        {
            int code = bits == 8 ? stream[i] : i % 2 == 0 ? stream[i / 2] & 15 : stream[i / 2] >> 4;
            Assert.Equal(scale.Span<float>()[i / 80] * table.Span<float>()[code], actual[i]);
        }
        Assert.Equal($"Quantized({bits}, channel, {name})", w.Describe());
        var changed = table.Clone();
        changed.Span<float>()[1] += 1;
        Assert.Null(CodeTable.Name(changed));
    }

    public static TheoryData<string> Scales => ["f32", "f16", "bf16", "E8M0", "PowerSteps(4)", "two levels"];

    [Theory, MemberData(nameof(Scales))]
    public void Scales_of_every_form_are_read_exactly(string form)
    {
        const int groups = 3 * 5;
        var r = new Random(form.Length);
        var bytes = new byte[4 * groups];
        var (codes, expected) = (new byte[120], new double[groups]);
        r.NextBytes(codes);
        Weight scale;
        switch (form)
        {
            case "f32":
                for (int i = 0; i < groups; i++) BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * i), (float)(expected[i] = (float)r.NextDouble()));
                scale = new Dense(Tensor.From(new Shape(3, 5), System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes)));
                break;
            case "f16" or "bf16":
                var bits = new ushort[groups];
                for (int i = 0; i < groups; i++) expected[i] = form == "f16" ? Float(bits[i] = (ushort)(r.Next(1, 31) << 10 | r.Next(1024)), 5, 10) : Float(bits[i] = (ushort)(r.Next(100, 130) << 7 | r.Next(128)), 8, 7);
                scale = form == "f16" ? new Dense(Tensor.From(new Shape(3, 5), Array.ConvertAll(bits, BitConverter.UInt16BitsToHalf)))
                    : new Dense(Tensor.From(new Shape(3, 5), System.Runtime.InteropServices.MemoryMarshal.Cast<ushort, BFloat16>(bits)));
                break;
            case "E8M0":
                var exponents = new byte[groups];
                for (int i = 0; i < groups; i++) expected[i] = Math.Pow(2, (exponents[i] = (byte)r.Next(0, 200)) - 127);
                scale = new PowersOfTwo(Tensor.From(new Shape(3, 5), exponents));
                break;
            case "PowerSteps(4)":
                var steps = new byte[(groups + 1) / 2];
                r.NextBytes(steps);
                for (int i = 0; i < groups; i++) expected[i] = 0.0123f * Math.Pow(2, i % 2 == 0 ? steps[i / 2] & 15 : steps[i / 2] >> 4);
                scale = new PowerSteps(new Shape(3, 5), Tensor.Vector(0.0123f), 4, Tensor.Vector<byte>(steps));
                break;
            default:
                var second = new byte[(groups * 6 + 7) / 8];
                r.NextBytes(second);
                var big = new Int128[] { new(BinaryPrimitives.ReadUInt32LittleEndian(second.AsSpan(8)), BinaryPrimitives.ReadUInt64LittleEndian(second)) };
                for (int i = 0; i < groups; i++) expected[i] = (double)((Half)(0.25f * (i / 5 + 1)) * (Half)(int)((big[0] >> (6 * i)) & 63));
                scale = new Quantized(new Shape(3, 5), 6, Tensor.Vector<byte>(second), Granularity.Channel, new Dense(Tensor.Vector((Half)0.25f, (Half)0.5f, (Half)0.75f)), new Dense(Tensor.Vector<byte>(0, 0, 0)));
                break;
        }
        var actual = Values(new Quantized(s_shape, 4, Tensor.Vector<byte>(codes), Granularity.Group, scale, axis: 1, group: 16));
        for (int i = 0; i < 240; i++)
        {
            int code = (i % 2 == 0 ? codes[i / 2] & 15 : codes[i / 2] >> 4) - 8;
            Assert.Equal((float)((float)expected[i / 16] * (double)code), actual[i]);
        }
        if (form is "E8M0" or "PowerSteps(4)") Assert.Equal(form, scale.Describe());
    }

    [Fact]
    public void Scales_may_sit_on_activations_as_column_factors()
    {
        // TRIP: weight column c is multiplied by 2^e[c]; codes stay what they are.
        var shifts = new PowerSteps(new Shape(4), Tensor.Vector(1f), 2, Tensor.Vector<byte>(0b11_10_01_00));
        var inner = new Quantized(new Shape(2, 4), 4, Tensor.Vector<byte>(0x10, 0xF8, 0x9A, 0xBC), Granularity.Tensor, new Dense(Tensor.Vector(1f)));
        Assert.Equal([-8, -14, 0, 56, 2, 2, 16, 24], Values(new Scaled(inner, column: shifts.Decode())));
    }

    [Fact]
    public void Power_steps_that_do_not_fit_are_refused()
    {
        Assert.Throws<InvalidModelException>(() => new PowerSteps(new Shape(2), Tensor.Vector(-1f), 4, Tensor.Vector<byte>(0)));
        Assert.Throws<InvalidModelException>(() => new PowerSteps(new Shape(2), Tensor.Vector(float.PositiveInfinity), 4, Tensor.Vector<byte>(0)));
        Assert.Throws<InvalidModelException>(() => new PowerSteps(new Shape(2), Tensor.Vector(1f), 7, Tensor.Vector<byte>(0, 0)));
        Assert.Throws<InvalidModelException>(() => new PowerSteps(new Shape(3), Tensor.Vector(1f), 4, Tensor.Vector<byte>(0)));
        Assert.Throws<InvalidModelException>(() => new PowerSteps(new Shape(1), Tensor.Vector(1e38f), 4, Tensor.Vector<byte>(9)));
    }
}
