using System.Numerics;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary>Logic, shifts, fields and bytes.</summary>
internal static class BitInstructions
{
    private readonly struct And<T> : IBinary<T, T, T>
        where T : IBinaryInteger<T>
    {
        public static T Of(T a, T b) => a & b;
    }

    private readonly struct Or<T> : IBinary<T, T, T>
        where T : IBinaryInteger<T>
    {
        public static T Of(T a, T b) => a | b;
    }

    private readonly struct Xor<T> : IBinary<T, T, T>
        where T : IBinaryInteger<T>
    {
        public static T Of(T a, T b) => a ^ b;
    }

    private readonly struct ShiftLeft : IBinary<uint, uint, uint>
    {
        public static uint Of(uint a, uint b) => b > 31 ? 0 : a << (int)b;
    }

    private readonly struct ShiftLeftWide : IBinary<ulong, uint, ulong>
    {
        public static ulong Of(ulong a, uint b) => b > 63 ? 0 : a << (int)b;
    }

    private readonly struct ShiftRight : IBinary<uint, uint, uint>
    {
        public static uint Of(uint a, uint b) => b > 31 ? 0 : a >> (int)b;
    }

    private readonly struct ShiftRightSigned : IBinary<int, uint, int>
    {
        public static int Of(int a, uint b) => a >> (int)Math.Min(b, 31);
    }

    private readonly struct ShiftRightWide : IBinary<ulong, uint, ulong>
    {
        public static ulong Of(ulong a, uint b) => b > 63 ? 0 : a >> (int)b;
    }

    private readonly struct ShiftRightWideSigned : IBinary<long, uint, long>
    {
        public static long Of(long a, uint b) => a >> (int)Math.Min(b, 63);
    }

    private readonly struct Permute : ITernary<uint, uint, uint, uint>
    {
        public static uint Of(uint a, uint b, uint selector)
        {
            ulong bytes = ((ulong)b << 32) | a;
            uint result = 0;
            for (int i = 0; i < 32; i += 8)
            {
                uint pick = selector >> (i >> 1);
                uint value = (uint)(bytes >> (int)((pick & 7) * 8)) & 0xff;
                if ((pick & 8) != 0) value = (value & 0x80) != 0 ? 0xffu : 0;
                result |= value << i;
            }
            return result;
        }
    }

    private readonly struct Dot4<TA, TB> : ITernary<uint, uint, uint, uint>
    {
        public static uint Of(uint a, uint b, uint c)
        {
            for (int i = 0; i < 32; i += 8) c += (uint)(Byte<TA>(a >> i) * Byte<TB>(b >> i));
            return c;
        }
    }

    private static int Byte<T>(uint value) => typeof(T) == typeof(sbyte) ? (sbyte)value : (byte)value;

    public static void Register(Dictionary<string, Func<Encoder, Operation>> table)
    {
        table["and"] = e => e.Type == PtxType.Pred ? Predicates.Logic(e, (a, b) => a & b) : Logic<And<uint>, And<ulong>>(e);
        table["or"] = e => e.Type == PtxType.Pred ? Predicates.Logic(e, (a, b) => a | b) : Logic<Or<uint>, Or<ulong>>(e);
        table["xor"] = e => e.Type == PtxType.Pred ? Predicates.Logic(e, (a, b) => a ^ b) : Logic<Xor<uint>, Xor<ulong>>(e);
        table["not"] = e => e.Type == PtxType.Pred ? Predicates.Move(e, uint.MaxValue) : Integers.Lanes(e, 1, (a, _, _) => Integers.Wrap(e.Type, ~a));
        table["cnot"] = e => Integers.Lanes(e, 1, (a, _, _) => a == 0 ? 1UL : 0);
        table["lop3"] = Logic3.Build;
        table["shl"] = Left;
        table["shr"] = Right;
        table["shf"] = Funnel;
        table["prmt"] = BytePermute;
        table["popc"] = e => Count(e, (a, _) => (uint)BitOperations.PopCount(a));
        table["clz"] = e => Count(e, (a, bits) => (uint)(BitOperations.LeadingZeroCount(a) - (64 - bits)));
        table["brev"] = e => Integers.Lanes(e, 1, (a, _, _) => Reverse(a, e.Type.Bits()));
        table["bfind"] = FindBit;
        table["bfe"] = e => Field(e, 1, (a, at, length) => Extract(e.Type, a, at, length));
        table["bfi"] = Insert;
        table["szext"] = e => Integers.Lanes(e, 2, (a, b, _) => Extend(e, a, (uint)b));
        table["bmsk"] = e => Integers.Lanes(e, 2, (a, b, _) => Mask(e.Has("wrap") ? (uint)a & 31 : (uint)a, e.Has("wrap") ? (uint)b & 31 : (uint)b));
        table["dp4a"] = DotOfFour;
        table["dp2a"] = DotOfTwo;
        table["fns"] = e => throw e.Unsupported("not executed here");
    }

    private static Operation Logic<TNarrow, TWide>(Encoder e)
        where TNarrow : struct, IBinary<uint, uint, uint>
        where TWide : struct, IBinary<ulong, ulong, ulong>
    {
        e.Expect(3);
        int d = e.Result(0, e.Type), a = e.Source(1, e.Type), b = e.Source(2, e.Type);
        return e.Type.Bits() == 64 ? new Binary<TWide, ulong, ulong, ulong>(d, a, b) : new Binary<TNarrow, uint, uint, uint>(d, a, b);
    }

    private static Operation Left(Encoder e)
    {
        e.Expect(3);
        int d = e.Result(0, e.Type), a = e.Source(1, e.Type), b = e.Source(2, PtxType.U32);
        return e.Type.Bits() switch
        {
            64 => new Binary<ShiftLeftWide, ulong, uint, ulong>(d, a, b),
            32 => new Binary<ShiftLeft, uint, uint, uint>(d, a, b),
            _ => new LaneFunction(new Slot(d, false), [new Slot(a, false), new Slot(b, false)], (x, y, _) => y > 15 ? 0 : (ulong)(ushort)(x << (int)y)),
        };
    }

    private static Operation Right(Encoder e)
    {
        e.Expect(3);
        bool signed = e.Type.IsSigned();
        int d = e.Result(0, e.Type), a = e.Source(1, e.Type), b = e.Source(2, PtxType.U32);
        return (e.Type.Bits(), signed) switch
        {
            (64, true) => new Binary<ShiftRightWideSigned, long, uint, long>(d, a, b),
            (64, false) => new Binary<ShiftRightWide, ulong, uint, ulong>(d, a, b),
            (32, true) => new Binary<ShiftRightSigned, int, uint, int>(d, a, b),
            (32, false) => new Binary<ShiftRight, uint, uint, uint>(d, a, b),
            _ => new LaneFunction(new Slot(d, false), [new Slot(a, false), new Slot(b, false)],
                (x, y, _) => signed ? (ulong)(ushort)((short)x >> (int)Math.Min(y, 15)) : y > 15 ? 0 : (ulong)(ushort)x >> (int)y),
        };
    }

    private static LaneFunction Funnel(Encoder e)
    {
        bool left = e.Has("l"), clamp = e.Has("clamp");
        return Integers.Lanes(e, 3, (a, b, c) =>
        {
            int n = (int)(clamp ? Math.Min(c, 32) : c & 31);
            ulong both = (b << 32) | a;
            return left ? (uint)(n == 0 ? b : both >> (32 - n)) : (uint)(both >> n);
        });
    }

    private static Operation BytePermute(Encoder e)
    {
        e.Expect(4);
        if (Array.Exists(e.Instruction.Modifiers, m => m is "f4e" or "b4e" or "rc8" or "ecl" or "ecr" or "rc16")) throw e.Unsupported("only the mode without a name");
        return new Ternary<Permute, uint, uint, uint, uint>(e.Result(0, PtxType.B32), e.Source(1, PtxType.B32), e.Source(2, PtxType.B32), e.Source(3, PtxType.B32));
    }

    private static LaneFunction Count(Encoder e, Func<ulong, int, uint> count)
    {
        e.Expect(2);
        int bits = e.Type.Bits();
        return new LaneFunction(new Slot(e.Result(0, PtxType.U32), false), [new Slot(e.Source(1, e.Type), bits == 64)], (a, _, _) => count(a, bits));
    }

    private static ulong Reverse(ulong value, int bits)
    {
        ulong result = 0;
        for (int i = 0; i < bits; i++) result |= (value >> i & 1) << (bits - 1 - i);
        return result;
    }

    private static LaneFunction FindBit(Encoder e)
    {
        PtxType type = e.Type;
        bool shift = e.Has("shiftamt");
        return Count(e, (a, bits) =>
        {
            if (type.IsSigned() && Integers.Signed(type, a) < 0) a = Integers.Wrap(type, ~a);
            int found = 63 - BitOperations.LeadingZeroCount(a);
            return a == 0 ? uint.MaxValue : (uint)(shift ? bits - 1 - found : found);
        });
    }

    /// <summary>An instruction whose last two operands are a field's place and length.</summary>
    private static LaneFunction Field(Encoder e, int values, Func<ulong, int, int, ulong> function)
    {
        e.Expect(values + 3);
        bool wide = e.Type.Bits() == 64;
        return new LaneFunction(new Slot(e.Result(0, e.Type), wide),
            [new Slot(e.Source(1, e.Type), wide), new Slot(e.Source(2, PtxType.U32), false), new Slot(e.Source(3, PtxType.U32), false)],
            (a, at, length) => function(a, (int)(at & 0xff), (int)(length & 0xff)));
    }

    private static ulong Extract(PtxType type, ulong value, int at, int length)
    {
        int top = type.Bits() - 1;
        ulong result = at > top ? 0 : value >> at;
        if (length < 64) result &= (1UL << length) - 1;
        if (!type.IsSigned() || length == 0) return Integers.Wrap(type, result);
        bool sign = (value >> Math.Min(at + length - 1, top) & 1) != 0;
        int kept = Math.Clamp(top + 1 - at, 0, length);
        if (sign && kept < 64) result |= ulong.MaxValue << kept;
        return Integers.Wrap(type, result);
    }

    private static InsertField Insert(Encoder e)
    {
        e.Expect(5);
        PtxType type = e.Type;
        return new InsertField(e.Result(0, type), e.Source(1, type), e.Source(2, type), e.Source(3, PtxType.U32), e.Source(4, PtxType.U32), type.Bits() == 64);
    }

    private static ulong Extend(Encoder e, ulong value, uint bits)
    {
        int n = (int)(e.Has("wrap") ? bits & 31 : Math.Min(bits, 32));
        if (n == 32) return value;
        uint low = (uint)value & ((1u << n) - 1);
        return e.Type.IsSigned() && n > 0 && (low >> (n - 1) & 1) != 0 ? low | (uint.MaxValue << n) : low;
    }

    private static ulong Mask(uint at, uint length)
    {
        if (at > 31) return 0;
        ulong ones = length >= 32 ? uint.MaxValue : (1UL << (int)length) - 1;
        return (uint)(ones << (int)at);
    }

    private static Operation DotOfFour(Encoder e)
    {
        e.Expect(4);
        PtxType[] types = e.Types;
        if (types.Length != 2) throw e.Wrong("expected two types");
        int d = e.Result(0, PtxType.B32), a = e.Source(1, PtxType.B32), b = e.Source(2, PtxType.B32), c = e.Source(3, PtxType.B32);
        return (types[0].IsSigned(), types[1].IsSigned()) switch
        {
            (true, true) => new Ternary<Dot4<sbyte, sbyte>, uint, uint, uint, uint>(d, a, b, c),
            (true, false) => new Ternary<Dot4<sbyte, byte>, uint, uint, uint, uint>(d, a, b, c),
            (false, true) => new Ternary<Dot4<byte, sbyte>, uint, uint, uint, uint>(d, a, b, c),
            _ => new Ternary<Dot4<byte, byte>, uint, uint, uint, uint>(d, a, b, c),
        };
    }

    private static LaneFunction DotOfTwo(Encoder e)
    {
        PtxType[] types = e.Types;
        if (types.Length != 2) throw e.Wrong("expected two types");
        int half = e.Has("hi") ? 16 : 0;
        return Integers.Lanes(e, 3, (a, b, c) =>
        {
            uint sum = (uint)c;
            for (int i = 0; i < 2; i++)
            {
                int x = types[0].IsSigned() ? (short)(a >> (16 * i)) : (ushort)(a >> (16 * i));
                int y = types[1].IsSigned() ? (sbyte)(b >> (half + 8 * i)) : (byte)(b >> (half + 8 * i));
                sum += (uint)(x * y);
            }
            return sum;
        });
    }
}
