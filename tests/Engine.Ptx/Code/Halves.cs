using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary>Arithmetic in f16 and bf16, one or two to a register. Results are rounded once, to nearest and even.</summary>
internal static class Halves
{
    public static bool Is(PtxType type) => type is PtxType.F16 or PtxType.BF16 or PtxType.F16x2 or PtxType.BF16x2;

    public static LaneFunction Two(Encoder e, Func<double, double, double> exact) => Of(e, 2, (a, b, _) => exact(a, b));

    public static LaneFunction Three(Encoder e, Func<double, double, double, double> exact) => Of(e, 3, exact);

    public static LaneFunction One(Encoder e, Func<double, double> exact) => Of(e, 1, (a, _, _) => exact(a));

    private static LaneFunction Of(Encoder e, int sources, Func<double, double, double, double> exact)
    {
        bool brain = e.Type is PtxType.BF16 or PtxType.BF16x2, flush = e.Has("ftz"), saturate = e.Has("sat"), relu = e.Has("relu");
        if (Rounding.Mode(e) is "rz" or "rm" or "rp") throw e.Unsupported("half precision is rounded to nearest only");
        if (e.Type is PtxType.F16 or PtxType.BF16) return Integers.Lanes(e, sources, (a, b, c) => Single((uint)a, (uint)b, (uint)c));
        return Integers.Lanes(e, sources, (a, b, c) =>
            Single((uint)a & 0xffff, (uint)b & 0xffff, (uint)c & 0xffff) | Single((uint)a >> 16, (uint)b >> 16, (uint)c >> 16) << 16);

        uint Single(uint a, uint b, uint c)
        {
            double value = exact(Decode(a), Decode(b), Decode(c));
            if (saturate) value = value > 0 ? Math.Min(value, 1) : 0;
            if (relu && value < 0) value = 0;
            uint bits = brain ? Rounding.ToBF16(value) : Rounding.ToF16(value);
            return flush && (bits & 0x7c00) == 0 && !brain ? bits & 0x8000 : bits;
        }

        double Decode(uint bits)
        {
            if (brain) return Rounding.FromBF16(bits);
            return flush && (bits & 0x7c00) == 0 ? Rounding.FromF16(bits & 0x8000) : Rounding.FromF16(bits);
        }
    }
}

/// <summary>
/// Functions that devices approximate. Here they are the nearest value in the result's precision: within the error that the manual allows, 2 ulp for most,
/// 2⁻¹¹ relative for <c>tanh</c>, so that a comparison with a device, or a tolerance, must allow that error.
/// </summary>
internal static class Approximations
{
    public static Operation Build(Encoder e, Func<double, double> function)
    {
        e.Expect(2);
        if (Halves.Is(e.Type)) return Halves.One(e, function);
        if (e.Type == PtxType.F64)
            return Integers.Lanes(e, 1, (a, _, _) => BitConverter.DoubleToUInt64Bits(function(BitConverter.UInt64BitsToDouble(a))));
        bool flush = e.Has("ftz");
        string? mode = Rounding.Mode(e);
        return Integers.Lanes(e, 1, (a, _, _) =>
        {
            float x = BitConverter.UInt32BitsToSingle((uint)a);
            if (flush) x = Rounding.Flush(x);
            float y = Rounding.ToSingle(function(x), mode);
            return BitConverter.SingleToUInt32Bits(flush ? Rounding.Flush(y) : y);
        });
    }
}
