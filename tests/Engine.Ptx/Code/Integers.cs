using System.Numerics;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

internal interface IIntegerBinary
{
    static abstract T Of<T>(T a, T b)
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>;
}

/// <summary>Integer arithmetic of 16, 32 and 64 bits.</summary>
internal static class Integers
{
    private readonly struct On<TFn, T> : IBinary<T, T, T>
        where TFn : struct, IIntegerBinary
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        public static T Of(T a, T b) => TFn.Of(a, b);
    }

    /// <summary>16 bits, which lie without sign in 32.</summary>
    private readonly struct Narrow<TFn, T> : IBinary<uint, uint, uint>
        where TFn : struct, IIntegerBinary
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        public static uint Of(uint a, uint b) => (ushort)uint.CreateTruncating(TFn.Of(T.CreateTruncating(a), T.CreateTruncating(b)));
    }

    private readonly struct Add : IIntegerBinary
    {
        public static T Of<T>(T a, T b) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> => unchecked(a + b);
    }

    private readonly struct Subtract : IIntegerBinary
    {
        public static T Of<T>(T a, T b) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> => unchecked(a - b);
    }

    private readonly struct Multiply : IIntegerBinary
    {
        public static T Of<T>(T a, T b) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> => unchecked(a * b);
    }

    /// <summary>Division by zero gives all ones, as on devices.</summary>
    private readonly struct Divide : IIntegerBinary
    {
        public static T Of<T>(T a, T b) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> =>
            T.IsZero(b) ? ~T.Zero : b == ~T.Zero && T.IsNegative(b) ? unchecked(T.Zero - a) : a / b;
    }

    private readonly struct Remainder : IIntegerBinary
    {
        public static T Of<T>(T a, T b) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> =>
            T.IsZero(b) ? a : b == ~T.Zero && T.IsNegative(b) ? T.Zero : a % b;
    }

    private readonly struct Minimum : IIntegerBinary
    {
        public static T Of<T>(T a, T b) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> => a < b ? a : b;
    }

    private readonly struct Maximum : IIntegerBinary
    {
        public static T Of<T>(T a, T b) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> => a > b ? a : b;
    }

    private readonly struct WideSigned : IBinary<int, int, long>
    {
        public static long Of(int a, int b) => (long)a * b;
    }

    private readonly struct WideUnsigned : IBinary<uint, uint, ulong>
    {
        public static ulong Of(uint a, uint b) => (ulong)a * b;
    }

    private readonly struct MultiplyAdd : ITernary<uint, uint, uint, uint>
    {
        public static uint Of(uint a, uint b, uint c) => a * b + c;
    }

    private readonly struct MultiplyAddWideSigned : ITernary<int, int, long, long>
    {
        public static long Of(int a, int b, long c) => (long)a * b + c;
    }

    private readonly struct MultiplyAddWideUnsigned : ITernary<uint, uint, ulong, ulong>
    {
        public static ulong Of(uint a, uint b, ulong c) => (ulong)a * b + c;
    }

    public static void Register(Dictionary<string, Func<Encoder, Operation>> table)
    {
        table["add"] = e => e.Type.IsFloat() ? Floats.Add(e) : e.Has("cc") ? Carries.Build(e) : e.Has("sat") ? Saturating(e, add: true) : Of<Add>(e);
        table["sub"] = e => e.Type.IsFloat() ? Floats.Subtract(e) : e.Has("cc") ? Carries.Build(e) : e.Has("sat") ? Saturating(e, add: false) : Of<Subtract>(e);
        table["addc"] = Carries.Build;
        table["subc"] = Carries.Build;
        table["mul"] = e => e.Type.IsFloat() ? Floats.Multiply(e) : Product(e);
        table["mad"] = e => e.Type.IsFloat() ? Floats.MultiplyAdd(e) : ProductSum(e);
        table["mul24"] = e => Lanes(e, 2, (a, b, _) => Product24(e, a, b));
        table["mad24"] = e => Lanes(e, 3, (a, b, c) => Product24(e, a, b) + c);
        table["div"] = e => e.Type.IsFloat() ? Floats.Divide(e) : Of<Divide>(e);
        table["rem"] = Of<Remainder>;
        table["min"] = e => e.Type.IsFloat() ? Floats.Minimum(e) : Of<Minimum>(e);
        table["max"] = e => e.Type.IsFloat() ? Floats.Maximum(e) : Of<Maximum>(e);
        table["abs"] = e => e.Type.IsFloat() ? Floats.Absolute(e) : Lanes(e, 1, (a, _, _) => Wrap(e.Type, Signed(e.Type, a) < 0 ? 0 - a : a));
        table["neg"] = e => e.Type.IsFloat() ? Floats.Negate(e) : Lanes(e, 1, (a, _, _) => Wrap(e.Type, 0 - a));
        table["sad"] = e => Lanes(e, 3, (a, b, c) => Wrap(e.Type, c + (e.Type.IsSigned()
            ? (Signed(e.Type, a) < Signed(e.Type, b) ? b - a : a - b)
            : (a < b ? b - a : a - b))));
    }

    private static Operation Of<TFn>(Encoder e)
        where TFn : struct, IIntegerBinary
    {
        e.Expect(3);
        PtxType type = e.Type;
        int d = e.Result(0, type), a = e.Source(1, type), b = e.Source(2, type);
        return type switch
        {
            PtxType.U32 or PtxType.B32 => new Binary<On<TFn, uint>, uint, uint, uint>(d, a, b),
            PtxType.S32 => new Binary<On<TFn, int>, int, int, int>(d, a, b),
            PtxType.U64 or PtxType.B64 => new Binary<On<TFn, ulong>, ulong, ulong, ulong>(d, a, b),
            PtxType.S64 => new Binary<On<TFn, long>, long, long, long>(d, a, b),
            PtxType.U16 or PtxType.B16 => new Binary<Narrow<TFn, ushort>, uint, uint, uint>(d, a, b),
            PtxType.S16 => new Binary<Narrow<TFn, short>, uint, uint, uint>(d, a, b),
            _ => throw e.Unsupported($"no arithmetic of type {type}"),
        };
    }

    private static Operation Product(Encoder e)
    {
        e.Expect(3);
        PtxType type = e.Type;
        if (e.Has("wide"))
        {
            return type switch
            {
                PtxType.S32 => new Binary<WideSigned, int, int, long>(e.Result(0, PtxType.S64), e.Source(1, type), e.Source(2, type)),
                PtxType.U32 => new Binary<WideUnsigned, uint, uint, ulong>(e.Result(0, PtxType.U64), e.Source(1, type), e.Source(2, type)),
                PtxType.S16 => new LaneFunction(new Slot(e.Result(0, PtxType.S32), false), [e.AnySource(e.Operand(1), type), e.AnySource(e.Operand(2), type)], (a, b, _) => (uint)((short)a * (short)b)),
                PtxType.U16 => new LaneFunction(new Slot(e.Result(0, PtxType.U32), false), [e.AnySource(e.Operand(1), type), e.AnySource(e.Operand(2), type)], (a, b, _) => (uint)(ushort)a * (ushort)b),
                _ => throw e.Unsupported($"no wide product of type {type}"),
            };
        }
        return e.Has("hi") ? Lanes(e, 2, (a, b, _) => High(type, a, b)) : Of<Multiply>(e);
    }

    private static Operation ProductSum(Encoder e)
    {
        e.Expect(4);
        PtxType type = e.Type;
        if (e.Has("wide"))
        {
            return type switch
            {
                PtxType.S32 => new Ternary<MultiplyAddWideSigned, int, int, long, long>(e.Result(0, PtxType.S64), e.Source(1, type), e.Source(2, type), e.Source(3, PtxType.S64)),
                PtxType.U32 => new Ternary<MultiplyAddWideUnsigned, uint, uint, ulong, ulong>(e.Result(0, PtxType.U64), e.Source(1, type), e.Source(2, type), e.Source(3, PtxType.U64)),
                PtxType.S16 or PtxType.U16 => new LaneFunction(new Slot(e.Result(0, PtxType.S32), false),
                    [e.AnySource(e.Operand(1), type), e.AnySource(e.Operand(2), type), e.AnySource(e.Operand(3), PtxType.S32)],
                    (a, b, c) => (uint)(type == PtxType.S16 ? (uint)((short)a * (short)b) : (uint)(ushort)a * (ushort)b) + c),
                _ => throw e.Unsupported($"no wide product of type {type}"),
            };
        }
        if (e.Has("cc")) throw e.Unsupported("no carry of a product here");
        if (e.Has("hi")) return Lanes(e, 3, (a, b, c) => Wrap(type, High(type, a, b) + c));
        return type.Bits() == 32
            ? new Ternary<MultiplyAdd, uint, uint, uint, uint>(e.Result(0, type), e.Source(1, type), e.Source(2, type), e.Source(3, type))
            : Lanes(e, 3, (a, b, c) => Wrap(type, a * b + c));
    }

    private static Operation Saturating(Encoder e, bool add)
    {
        if (e.Type != PtxType.S32) throw e.Unsupported("saturation of s32 only");
        return Lanes(e, 2, (a, b, _) => (uint)(int)Math.Clamp(add ? (long)(int)a + (int)b : (long)(int)a - (int)b, int.MinValue, int.MaxValue));
    }

    /// <summary>An instruction whose operands all have its type, executed lane by lane.</summary>
    public static LaneFunction Lanes(Encoder e, int sources, Func<ulong, ulong, ulong, ulong> function)
    {
        e.Expect(sources + 1);
        PtxType type = e.Type;
        bool wide = type.Bits() == 64;
        return new LaneFunction(new Slot(e.Result(0, type), wide), [.. Enumerable.Range(1, sources).Select(i => new Slot(e.Source(i, type), wide))], function);
    }

    public static ulong Wrap(PtxType type, ulong value) => type.Bits() switch { 16 => (ushort)value, 32 => (uint)value, _ => value };

    public static long Signed(PtxType type, ulong value) => type.Bits() switch { 8 => (sbyte)value, 16 => (short)value, 32 => (int)value, _ => (long)value };

    private static ulong Product24(Encoder e, ulong a, ulong b)
    {
        long product = e.Type.IsSigned() ? (long)((int)(uint)(a << 8) >> 8) * ((int)(uint)(b << 8) >> 8) : (long)((a & 0xffffff) * (b & 0xffffff));
        return (uint)(e.Has("hi") ? product >> 16 : product);
    }

    private static ulong High(PtxType type, ulong a, ulong b) => type switch
    {
        PtxType.S64 => (ulong)Math.BigMul((long)a, (long)b, out _),
        PtxType.U64 => Math.BigMul(a, b, out _),
        _ => Wrap(type, type.IsSigned() ? (ulong)(Signed(type, a) * Signed(type, b) >> type.Bits()) : a * b >> type.Bits()),
    };
}
