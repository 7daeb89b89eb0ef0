using System.Numerics;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary>Arithmetic in single and double precision; half precision is <see cref="Halves"/>'.</summary>
internal static class Floats
{
    private readonly struct Sum<T> : IBinary<T, T, T>
        where T : IFloatingPointIeee754<T>
    {
        public static T Of(T a, T b) => a + b;
    }

    private readonly struct Difference<T> : IBinary<T, T, T>
        where T : IFloatingPointIeee754<T>
    {
        public static T Of(T a, T b) => a - b;
    }

    private readonly struct Product<T> : IBinary<T, T, T>
        where T : IFloatingPointIeee754<T>
    {
        public static T Of(T a, T b) => a * b;
    }

    private readonly struct Quotient<T> : IBinary<T, T, T>
        where T : IFloatingPointIeee754<T>
    {
        public static T Of(T a, T b) => a / b;
    }

    private readonly struct Least<T> : IBinary<T, T, T>
        where T : IFloatingPointIeee754<T>
    {
        public static T Of(T a, T b) => T.MinNumber(a, b);
    }

    private readonly struct Greatest<T> : IBinary<T, T, T>
        where T : IFloatingPointIeee754<T>
    {
        public static T Of(T a, T b) => T.MaxNumber(a, b);
    }

    private readonly struct LeastOrNaN : IBinary<float, float, float>
    {
        public static float Of(float a, float b) => MathF.Min(a, b);
    }

    private readonly struct GreatestOrNaN : IBinary<float, float, float>
    {
        public static float Of(float a, float b) => MathF.Max(a, b);
    }

    private readonly struct FusedSingle : ITernary<float, float, float, float>
    {
        public static float Of(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);
    }

    private readonly struct FusedDouble : ITernary<double, double, double, double>
    {
        public static double Of(double a, double b, double c) => Math.FusedMultiplyAdd(a, b, c);
    }

    private readonly struct Flushed2<TFn> : IBinary<float, float, float>
        where TFn : struct, IBinary<float, float, float>
    {
        public static float Of(float a, float b) => Rounding.Flush(TFn.Of(Rounding.Flush(a), Rounding.Flush(b)));
    }

    private readonly struct Saturated2<TFn> : IBinary<float, float, float>
        where TFn : struct, IBinary<float, float, float>
    {
        public static float Of(float a, float b) => Rounding.Saturate(TFn.Of(a, b));
    }

    private readonly struct Flushed3<TFn> : ITernary<float, float, float, float>
        where TFn : struct, ITernary<float, float, float, float>
    {
        public static float Of(float a, float b, float c) => Rounding.Flush(TFn.Of(Rounding.Flush(a), Rounding.Flush(b), Rounding.Flush(c)));
    }

    private readonly struct Saturated3<TFn> : ITernary<float, float, float, float>
        where TFn : struct, ITernary<float, float, float, float>
    {
        public static float Of(float a, float b, float c) => Rounding.Saturate(TFn.Of(a, b, c));
    }

    public static void Register(Dictionary<string, Func<Encoder, Operation>> table)
    {
        table["fma"] = MultiplyAdd;
        table["rcp"] = e => Approximations.Build(e, x => 1 / x);
        table["sqrt"] = e => Approximations.Build(e, Math.Sqrt);
        table["rsqrt"] = e => Approximations.Build(e, x => 1 / Math.Sqrt(x));
        table["ex2"] = e => Approximations.Build(e, x => Math.Pow(2, x));
        table["lg2"] = e => Approximations.Build(e, Math.Log2);
        table["sin"] = e => Approximations.Build(e, Math.Sin);
        table["cos"] = e => Approximations.Build(e, Math.Cos);
        table["tanh"] = e => Approximations.Build(e, Math.Tanh);
        table["copysign"] = e => Integers.Lanes(e, 2, (a, b, _) => e.Type == PtxType.F64 ? (a & (1UL << 63)) | (b & ~(1UL << 63)) : (a & 0x8000_0000) | (b & 0x7fff_ffff));
        table["testp"] = Compares.Test;
    }

    public static Operation Add(Encoder e) => Two<Sum<float>, Sum<double>>(e, (a, b) => Rounding.OddSum(a, 1, b));

    public static Operation Subtract(Encoder e) => Two<Difference<float>, Difference<double>>(e, (a, b) => Rounding.OddSum(a, 1, -b));

    public static Operation Multiply(Encoder e) => Two<Product<float>, Product<double>>(e, (a, b) => a * b);

    public static Operation Divide(Encoder e) => Two<Quotient<float>, Quotient<double>>(e, (a, b) => a / b);

    public static Operation Minimum(Encoder e)
    {
        if (e.Has("xorsign")) throw e.Unsupported("no xorsign here");
        return e.Has("NaN") ? Two<LeastOrNaN, Least<double>>(e, Math.Min) : Two<Least<float>, Least<double>>(e, double.MinNumber);
    }

    public static Operation Maximum(Encoder e)
    {
        if (e.Has("xorsign")) throw e.Unsupported("no xorsign here");
        return e.Has("NaN") ? Two<GreatestOrNaN, Greatest<double>>(e, Math.Max) : Two<Greatest<float>, Greatest<double>>(e, double.MaxNumber);
    }

    public static Operation MultiplyAdd(Encoder e)
    {
        e.Expect(4);
        if (Halves.Is(e.Type)) return Halves.Three(e, Rounding.OddSum);
        int d = e.Result(0, e.Type), a = e.Source(1, e.Type), b = e.Source(2, e.Type), c = e.Source(3, e.Type);
        if (Rounding.Mode(e) is "rz" or "rm" or "rp") return Directed(e, 3, Rounding.OddSum);
        if (e.Type == PtxType.F64) return new Ternary<FusedDouble, double, double, double, double>(d, a, b, c);
        return (e.Has("ftz"), e.Has("sat")) switch
        {
            (false, false) => new Ternary<FusedSingle, float, float, float, float>(d, a, b, c),
            (true, false) => new Ternary<Flushed3<FusedSingle>, float, float, float, float>(d, a, b, c),
            (false, true) => new Ternary<Saturated3<FusedSingle>, float, float, float, float>(d, a, b, c),
            _ => new Ternary<Saturated3<Flushed3<FusedSingle>>, float, float, float, float>(d, a, b, c),
        };
    }

    public static Operation Absolute(Encoder e) => Sign(e, a => a & 0x7fff, a => a & 0x7fff_ffff, a => a & ~(1UL << 63));

    public static Operation Negate(Encoder e) => Sign(e, a => a ^ 0x8000, a => a ^ 0x8000_0000, a => a ^ (1UL << 63));

    private static Operation Sign(Encoder e, Func<ulong, ulong> half, Func<ulong, ulong> single, Func<ulong, ulong> twice) => e.Type switch
    {
        PtxType.F16 or PtxType.BF16 => Integers.Lanes(e, 1, (a, _, _) => half(a)),
        PtxType.F16x2 or PtxType.BF16x2 => Integers.Lanes(e, 1, (a, _, _) => half(a & 0xffff) | half(a >> 16) << 16),
        PtxType.F64 => Integers.Lanes(e, 1, (a, _, _) => twice(a)),
        _ when e.Has("ftz") => Integers.Lanes(e, 1, (a, _, _) => single(BitConverter.SingleToUInt32Bits(Rounding.Flush(BitConverter.UInt32BitsToSingle((uint)a))))),
        _ => Integers.Lanes(e, 1, (a, _, _) => single(a)),
    };

    private static Operation Two<TSingle, TDouble>(Encoder e, Func<double, double, double> exact)
        where TSingle : struct, IBinary<float, float, float>
        where TDouble : struct, IBinary<double, double, double>
    {
        e.Expect(3);
        if (Halves.Is(e.Type)) return Halves.Two(e, exact);
        int d = e.Result(0, e.Type), a = e.Source(1, e.Type), b = e.Source(2, e.Type);
        if (Rounding.Mode(e) is "rz" or "rm" or "rp") return Directed(e, 2, (x, y, _) => exact(x, y));
        if (e.Type == PtxType.F64) return new Binary<TDouble, double, double, double>(d, a, b);
        return (e.Has("ftz"), e.Has("sat")) switch
        {
            (false, false) => new Binary<TSingle, float, float, float>(d, a, b),
            (true, false) => new Binary<Flushed2<TSingle>, float, float, float>(d, a, b),
            (false, true) => new Binary<Saturated2<TSingle>, float, float, float>(d, a, b),
            _ => new Binary<Saturated2<Flushed2<TSingle>>, float, float, float>(d, a, b),
        };
    }

    /// <summary>Single precision, rounded as the instruction says.</summary>
    private static LaneFunction Directed(Encoder e, int sources, Func<double, double, double, double> exact)
    {
        if (e.Type != PtxType.F32) throw e.Unsupported("double precision is rounded to nearest only");
        string mode = Rounding.Mode(e)!;
        bool flush = e.Has("ftz"), saturate = e.Has("sat");
        return Integers.Lanes(e, sources, (a, b, c) =>
        {
            float result = Rounding.ToSingle(exact(Value(a), Value(b), Value(c)), mode);
            if (flush) result = Rounding.Flush(result);
            return BitConverter.SingleToUInt32Bits(saturate ? Rounding.Saturate(result) : result);
        });

        double Value(ulong bits)
        {
            float value = BitConverter.UInt32BitsToSingle((uint)bits);
            return flush ? Rounding.Flush(value) : value;
        }
    }
}
