using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary><c>cvt</c>.</summary>
internal static class Conversions
{
    private readonly struct SignExtend : IUnary<int, long>
    {
        public static long Of(int a) => a;
    }

    private readonly struct ZeroExtend : IUnary<uint, ulong>
    {
        public static ulong Of(uint a) => a;
    }

    private readonly struct Truncate : IUnary<ulong, uint>
    {
        public static uint Of(ulong a) => (uint)a;
    }

    private readonly struct FromInt : IUnary<int, float>
    {
        public static float Of(int a) => a;
    }

    private readonly struct FromUInt : IUnary<uint, float>
    {
        public static float Of(uint a) => a;
    }

    private readonly struct FromHalf : IUnary<uint, float>
    {
        public static float Of(uint a) => Rounding.FromF16(a);
    }

    private readonly struct ToHalf : IUnary<float, uint>
    {
        public static uint Of(float a) => Rounding.ToF16(a);
    }

    private readonly struct ToHalfPair : IBinary<float, float, uint>
    {
        public static uint Of(float a, float b) => (uint)Rounding.ToF16(a) << 16 | Rounding.ToF16(b);
    }

    public static Operation Build(Encoder e)
    {
        PtxType[] types = e.Types;
        if (types.Length != 2) throw e.Unsupported("no conversion between these types here");
        (PtxType to, PtxType from) = (types[0], types[1]);
        if (to is PtxType.F16x2 or PtxType.BF16x2) return Pair(e, to, from);
        e.Expect(2);
        Slot d = e.Register(e.Operand(0)), a = e.AnySource(e.Operand(1), from);
        if (Fast(e, to, from, d, a) is { } fast) return fast;
        int register = ((RegisterOperand)e.Operand(0)).Register.Type.Bits();
        Func<ulong, ulong> function = to.IsFloat()
            ? from.IsFloat() ? FloatToFloat(e, to, from) : IntegerToFloat(e, to, from)
            : from.IsFloat() ? FloatToInteger(e, to, from) : IntegerToInteger(e, to, from);
        ulong ones = register == 64 ? ulong.MaxValue : (1UL << register) - 1;
        if (to.Bits() > register) throw e.Wrong("the result does not fit its register");
        return new LaneFunction(d, [a], (x, _, _) => function(x) & ones);
    }

    private static Operation? Fast(Encoder e, PtxType to, PtxType from, Slot d, Slot a)
    {
        if (e.Has("sat") || e.Has("ftz") || e.Has("relu") || d.Wide != (to.Bits() == 64) || a.Wide != (from.Bits() == 64)) return null;
        string? mode = Rounding.Mode(e);
        return (to, from) switch
        {
            (PtxType.S64 or PtxType.U64, PtxType.S32) => new Unary<SignExtend, int, long>(d.Offset, a.Offset),
            (PtxType.S64 or PtxType.U64, PtxType.U32) => new Unary<ZeroExtend, uint, ulong>(d.Offset, a.Offset),
            (PtxType.S32 or PtxType.U32, PtxType.S64 or PtxType.U64) => new Unary<Truncate, ulong, uint>(d.Offset, a.Offset),
            (PtxType.F32, PtxType.S32) when mode == "rn" => new Unary<FromInt, int, float>(d.Offset, a.Offset),
            (PtxType.F32, PtxType.U32) when mode == "rn" => new Unary<FromUInt, uint, float>(d.Offset, a.Offset),
            (PtxType.F32, PtxType.F16) => new Unary<FromHalf, uint, float>(d.Offset, a.Offset),
            (PtxType.F16, PtxType.F32) when mode == "rn" => new Unary<ToHalf, float, uint>(d.Offset, a.Offset),
            _ => null,
        };
    }

    /// <summary>Two singles to a register: the first operand to the upper half.</summary>
    private static Operation Pair(Encoder e, PtxType to, PtxType from)
    {
        e.Expect(3);
        if (from != PtxType.F32 || Rounding.Mode(e) != "rn") throw e.Unsupported("pairs of f32 rounded to nearest only");
        int d = e.Result(0, PtxType.B32), a = e.Source(1, from), b = e.Source(2, from);
        bool relu = e.Has("relu");
        if (to == PtxType.F16x2 && !relu) return new Binary<ToHalfPair, float, float, uint>(d, a, b);
        return new LaneFunction(new Slot(d, false), [new Slot(a, false), new Slot(b, false)], (x, y, _) => (ulong)Half(x) << 16 | Half(y));

        ushort Half(ulong bits)
        {
            float value = BitConverter.UInt32BitsToSingle((uint)bits);
            if (relu && value < 0) value = 0;
            return to == PtxType.F16x2 ? Rounding.ToF16(value) : Rounding.ToBF16(value);
        }
    }

    private static double Decode(PtxType type, ulong bits, bool flush)
    {
        switch (type)
        {
            case PtxType.F16: return Rounding.FromF16((uint)bits);
            case PtxType.BF16: return Rounding.FromBF16((uint)bits & 0xffff);
            case PtxType.F64: return BitConverter.UInt64BitsToDouble(bits);
            default:
                float value = BitConverter.UInt32BitsToSingle((uint)bits);
                return flush ? Rounding.Flush(value) : value;
        }
    }

    private static Int128 Integer(PtxType type, ulong bits) => type.IsSigned()
        ? Integers.Signed(type, bits)
        : type.Bits() switch { 8 => (byte)bits, 16 => (ushort)bits, 32 => (uint)bits, _ => bits };

    private static Int128 Clamp(PtxType type, Int128 value)
    {
        int bits = type.Bits();
        Int128 low = type.IsSigned() ? -(Int128.One << (bits - 1)) : 0, high = (Int128.One << (type.IsSigned() ? bits - 1 : bits)) - 1;
        return Int128.Clamp(value, low, high);
    }

    /// <summary>To a type's bits, then to a register's: with the sign where the type has one.</summary>
    private static ulong Bits(PtxType type, Int128 value)
    {
        ulong bits = (ulong)(UInt128)value;
        return type.IsSigned() ? (ulong)Integers.Signed(type, bits) : type.Bits() switch { 8 => (byte)bits, 16 => (ushort)bits, 32 => (uint)bits, _ => bits };
    }

    private static Func<ulong, ulong> IntegerToInteger(Encoder e, PtxType to, PtxType from)
    {
        bool saturate = e.Has("sat");
        return x => Bits(to, saturate ? Clamp(to, Integer(from, x)) : Integer(from, x));
    }

    private static Func<ulong, ulong> FloatToInteger(Encoder e, PtxType to, PtxType from)
    {
        bool flush = e.Has("ftz");
        Func<double, double> round = Integral(e) ?? throw e.Wrong("no rounding to an integer");
        return x =>
        {
            double value = round(Decode(from, x, flush));
            if (double.IsNaN(value)) return to.Bits() == 64 ? 1UL << 63 : 0;
            return Bits(to, Clamp(to, (Int128)Math.Clamp(value, -1e30, 1e30)));
        };
    }

    private static Func<double, double>? Integral(Encoder e) =>
        e.Has("rni") ? x => Math.Round(x, MidpointRounding.ToEven) : e.Has("rzi") ? Math.Truncate : e.Has("rmi") ? Math.Floor : e.Has("rpi") ? Math.Ceiling : null;

    private static Func<ulong, ulong> IntegerToFloat(Encoder e, PtxType to, PtxType from)
    {
        string? mode = Rounding.Mode(e);
        bool large = from.Bits() == 64;
        if (large && (mode ?? "rn") != "rn") throw e.Unsupported("integers of 64 bits are rounded to nearest only");
        return x =>
        {
            Int128 value = Integer(from, x);
            if (large && to == PtxType.F32) return BitConverter.SingleToUInt32Bits(from.IsSigned() ? (float)(long)value : (float)(ulong)value);
            return Encode(e, to, (double)value, mode);
        };
    }

    private static Func<ulong, ulong> FloatToFloat(Encoder e, PtxType to, PtxType from)
    {
        bool flush = e.Has("ftz"), saturate = e.Has("sat"), relu = e.Has("relu");
        string? mode = Rounding.Mode(e);
        Func<double, double>? round = Integral(e);
        return x =>
        {
            double value = Decode(from, x, flush);
            if (round != null) value = round(value);
            if (saturate) value = value > 0 ? Math.Min(value, 1) : 0;
            if (relu && value < 0) value = 0;
            ulong bits = Encode(e, to, value, mode);
            return flush && to == PtxType.F32 ? BitConverter.SingleToUInt32Bits(Rounding.Flush(BitConverter.UInt32BitsToSingle((uint)bits))) : bits;
        };
    }

    private static ulong Encode(Encoder e, PtxType to, double value, string? mode)
    {
        switch (to)
        {
            case PtxType.F64: return BitConverter.DoubleToUInt64Bits(value);
            case PtxType.F32: return BitConverter.SingleToUInt32Bits(Rounding.ToSingle(value, mode));
            case PtxType.TF32:
                uint bits = BitConverter.SingleToUInt32Bits((float)value);
                return float.IsFinite((float)value) ? (e.Has("rna") ? bits + 0x1000 : bits + 0xfff + (bits >> 13 & 1)) & 0xffff_e000 : bits;
            case PtxType.F16 when mode is null or "rn": return Rounding.ToF16(value);
            case PtxType.F16 when mode == "rz":
                ushort half = Rounding.ToF16(value);
                bool away = Math.Abs((double)Rounding.FromF16(half)) > Math.Abs(value);
                return away ? (ulong)(half - 1) : half;
            case PtxType.BF16 when mode == "rz": return BitConverter.SingleToUInt32Bits(Rounding.ToSingle(value, "rz")) >> 16;
            case PtxType.BF16 when mode is null or "rn": return Rounding.ToBF16(value);
            default: throw new Memory.KernelFaultException(PtxFaultKind.Trap, -1, $"no rounding '{mode}' to {to}");
        }
    }
}
