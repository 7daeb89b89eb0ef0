using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Ptx.Machine;
using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

internal enum Relation
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    EqualOrNaN,
    LessOrNaN,
    LessOrEqualOrNaN,
    GreaterOrNaN,
    GreaterOrEqualOrNaN,
    NotEqualOrNaN,
    Numbers,
    NotNumbers,
}

/// <summary>Compares two values in every lane to a word of 32 bits.</summary>
internal abstract class LaneCompare
{
    public abstract uint Of(Warp warp, uint mask);
}

internal sealed unsafe class LaneCompare<T>(Relation relation, int a, int b) : LaneCompare
    where T : unmanaged, INumber<T>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override uint Of(Warp warp, uint mask)
    {
        T* x = (T*)(warp.Registers + a), y = (T*)(warp.Registers + b);
        uint result = 0;
        switch (relation)
        {
            case Relation.Equal: for (int i = 0; i < 32; i++) result |= x[i] == y[i] ? 1u << i : 0; break;
            case Relation.NotEqual: for (int i = 0; i < 32; i++) result |= x[i] < y[i] || x[i] > y[i] ? 1u << i : 0; break;
            case Relation.Less: for (int i = 0; i < 32; i++) result |= x[i] < y[i] ? 1u << i : 0; break;
            case Relation.LessOrEqual: for (int i = 0; i < 32; i++) result |= x[i] <= y[i] ? 1u << i : 0; break;
            case Relation.Greater: for (int i = 0; i < 32; i++) result |= x[i] > y[i] ? 1u << i : 0; break;
            case Relation.GreaterOrEqual: for (int i = 0; i < 32; i++) result |= x[i] >= y[i] ? 1u << i : 0; break;
            case Relation.EqualOrNaN: for (int i = 0; i < 32; i++) result |= !(x[i] < y[i] || x[i] > y[i]) ? 1u << i : 0; break;
            case Relation.LessOrNaN: for (int i = 0; i < 32; i++) result |= !(x[i] >= y[i]) ? 1u << i : 0; break;
            case Relation.LessOrEqualOrNaN: for (int i = 0; i < 32; i++) result |= !(x[i] > y[i]) ? 1u << i : 0; break;
            case Relation.GreaterOrNaN: for (int i = 0; i < 32; i++) result |= !(x[i] <= y[i]) ? 1u << i : 0; break;
            case Relation.GreaterOrEqualOrNaN: for (int i = 0; i < 32; i++) result |= !(x[i] < y[i]) ? 1u << i : 0; break;
            case Relation.NotEqualOrNaN: for (int i = 0; i < 32; i++) result |= x[i] != y[i] ? 1u << i : 0; break;
            case Relation.Numbers: for (int i = 0; i < 32; i++) result |= !T.IsNaN(x[i]) && !T.IsNaN(y[i]) ? 1u << i : 0; break;
            default: for (int i = 0; i < 32; i++) result |= T.IsNaN(x[i]) || T.IsNaN(y[i]) ? 1u << i : 0; break;
        }
        return result & mask;
    }
}

/// <summary>Compares values that first have to be decoded.</summary>
internal sealed unsafe class DecodedCompare(Relation relation, int a, int b, Func<uint, float> decode) : LaneCompare
{
    public override uint Of(Warp warp, uint mask)
    {
        uint* x = (uint*)(warp.Registers + a), y = (uint*)(warp.Registers + b);
        uint result = 0;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int i = BitOperations.TrailingZeroCount(m);
            if (Holds(decode(x[i]), decode(y[i]))) result |= 1u << i;
        }
        return result;
    }

    private bool Holds(float x, float y) => relation switch
    {
        Relation.Equal => x == y,
        Relation.NotEqual => x < y || x > y,
        Relation.Less => x < y,
        Relation.LessOrEqual => x <= y,
        Relation.Greater => x > y,
        Relation.GreaterOrEqual => x >= y,
        Relation.EqualOrNaN => !(x < y || x > y),
        Relation.LessOrNaN => !(x >= y),
        Relation.LessOrEqualOrNaN => !(x > y),
        Relation.GreaterOrNaN => !(x <= y),
        Relation.GreaterOrEqualOrNaN => !(x < y),
        Relation.NotEqualOrNaN => x != y,
        Relation.Numbers => !float.IsNaN(x) && !float.IsNaN(y),
        _ => float.IsNaN(x) || float.IsNaN(y),
    };
}

/// <summary><c>setp</c>, <c>set</c>, <c>selp</c>, <c>slct</c>, <c>testp</c>.</summary>
internal static class Compares
{
    private static readonly Dictionary<string, Relation> Relations = new()
    {
        ["eq"] = Relation.Equal,
        ["ne"] = Relation.NotEqual,
        ["lt"] = Relation.Less,
        ["lo"] = Relation.Less,
        ["le"] = Relation.LessOrEqual,
        ["ls"] = Relation.LessOrEqual,
        ["gt"] = Relation.Greater,
        ["hi"] = Relation.Greater,
        ["ge"] = Relation.GreaterOrEqual,
        ["hs"] = Relation.GreaterOrEqual,
        ["equ"] = Relation.EqualOrNaN,
        ["neu"] = Relation.NotEqualOrNaN,
        ["ltu"] = Relation.LessOrNaN,
        ["leu"] = Relation.LessOrEqualOrNaN,
        ["gtu"] = Relation.GreaterOrNaN,
        ["geu"] = Relation.GreaterOrEqualOrNaN,
        ["num"] = Relation.Numbers,
        ["nan"] = Relation.NotNumbers,
    };

    private static LaneCompare Compare(Encoder e, int first)
    {
        string word = Array.Find(e.Instruction.Modifiers, Relations.ContainsKey) ?? throw e.Wrong("no relation");
        Relation relation = Relations[word];
        PtxType type = e.Type;
        int a = e.Source(first, type), b = e.Source(first + 1, type);
        if (e.Has("ftz") && type == PtxType.F32) return new DecodedCompare(relation, a, b, bits => Rounding.Flush(BitConverter.UInt32BitsToSingle(bits)));
        return type switch
        {
            PtxType.S32 => new LaneCompare<int>(relation, a, b),
            PtxType.U32 or PtxType.B32 or PtxType.U16 or PtxType.B16 => new LaneCompare<uint>(relation, a, b),
            PtxType.S64 => new LaneCompare<long>(relation, a, b),
            PtxType.U64 or PtxType.B64 => new LaneCompare<ulong>(relation, a, b),
            PtxType.F32 => new LaneCompare<float>(relation, a, b),
            PtxType.F64 => new LaneCompare<double>(relation, a, b),
            PtxType.S16 => new DecodedCompare(relation, a, b, bits => (short)bits),
            PtxType.F16 => new DecodedCompare(relation, a, b, Rounding.FromF16),
            PtxType.BF16 => new DecodedCompare(relation, a, b, Rounding.FromBF16),
            _ => throw e.Unsupported($"no comparison of type {type}"),
        };
    }

    private static Func<uint, uint, uint>? Logic(Encoder e) =>
        e.Has("and") ? (a, b) => a & b : e.Has("or") ? (a, b) => a | b : e.Has("xor") ? (a, b) => a ^ b : null;

    public static Operation SetPredicate(Encoder e)
    {
        Func<uint, uint, uint>? logic = Logic(e);
        e.Expect(logic == null ? 3 : 4);
        var pair = e.Operand(0) as PairOperand;
        int p = e.PredicateResult(pair?.First ?? e.Operand(0)), q = pair == null ? -1 : e.PredicateResult(pair.Second);
        return new SetPredicate(p, q, Compare(e, 1), logic, logic == null ? default : e.Predicate(3));
    }

    /// <summary>All ones or zeros, or 1.0 or 0.0.</summary>
    public static Operation Set(Encoder e)
    {
        Func<uint, uint, uint>? logic = Logic(e);
        e.Expect(logic == null ? 3 : 4);
        PtxType[] types = e.Types;
        if (types.Length != 2) throw e.Wrong("expected two types");
        uint yes = types[0] switch
        {
            PtxType.F32 => 0x3f80_0000,
            PtxType.F16 => 0x3c00,
            PtxType.BF16 => 0x3f80,
            PtxType.U16 or PtxType.S16 => 0xffff,
            _ => uint.MaxValue,
        };
        return new SetValue(e.Result(0, types[0]), yes, Compare(e, 1), logic, logic == null ? default : e.Predicate(3));
    }

    public static Operation Select(Encoder e)
    {
        e.Expect(4);
        int d = e.Result(0, e.Type), a = e.Source(1, e.Type), b = e.Source(2, e.Type);
        (int p, uint flip) = e.Predicate(3);
        return e.Type.Bits() == 64 ? new Selection<ulong>(d, a, b, p, flip) : new Selection<uint>(d, a, b, p, flip);
    }

    public static Operation SelectBySign(Encoder e)
    {
        e.Expect(4);
        if (e.Types.Length != 2) throw e.Wrong("expected two types");
        PtxType type = e.Types[0];
        bool wide = type.Bits() == 64, real = e.Type == PtxType.F32;
        return new LaneFunction(new Slot(e.Result(0, type), wide), [new Slot(e.Source(1, type), wide), new Slot(e.Source(2, type), wide), new Slot(e.Source(3, e.Type), false)],
            (a, b, c) => (real ? BitConverter.UInt32BitsToSingle((uint)c) >= 0 : (int)c >= 0) ? a : b);
    }

    public static Operation Test(Encoder e)
    {
        e.Expect(2);
        if (e.Type != PtxType.F32) throw e.Unsupported("f32 only");
        Func<float, bool> test = e.Instruction.Modifiers[0] switch
        {
            "finite" => float.IsFinite,
            "infinite" => float.IsInfinity,
            "number" => x => !float.IsNaN(x),
            "notanumber" => float.IsNaN,
            "normal" => float.IsNormal,
            "subnormal" => float.IsSubnormal,
            _ => throw e.Wrong("no such test"),
        };
        int a = e.Source(1, e.Type);
        return new SetPredicate(e.PredicateResult(e.Operand(0)), -1, new DecodedCompare(Relation.Equal, a, a, bits => test(BitConverter.UInt32BitsToSingle(bits)) ? 0 : float.NaN), null, default);
    }
}

internal sealed unsafe class SetPredicate(int p, int q, LaneCompare compare, Func<uint, uint, uint>? logic, (int Index, uint Flip) other) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        uint* file = warp.Predicates;
        uint yes = compare.Of(warp, mask), no = ~yes;
        if (logic != null)
        {
            uint c = file[other.Index] ^ other.Flip;
            yes = logic(yes, c);
            no = logic(no, c);
        }
        file[p] = (file[p] & ~mask) | (yes & mask);
        if (q >= 0) file[q] = (file[q] & ~mask) | (no & mask);
    }
}

internal sealed unsafe class SetValue(int d, uint one, LaneCompare compare, Func<uint, uint, uint>? logic, (int Index, uint Flip) other) : Operation
{
    public override void Execute(Warp warp, uint mask)
    {
        uint yes = compare.Of(warp, mask);
        if (logic != null) yes = logic(yes, warp.Predicates[other.Index] ^ other.Flip);
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            ((uint*)(warp.Registers + d))[i] = (yes >> i & 1) != 0 ? one : 0;
        }
    }
}

internal sealed unsafe class Selection<T>(int d, int a, int b, int p, uint flip) : Operation
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Execute(Warp warp, uint mask)
    {
        T* x = (T*)(warp.Registers + a), y = (T*)(warp.Registers + b), r = (T*)(warp.Registers + d);
        uint choice = warp.Predicates[p] ^ flip;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            r[i] = (choice >> i & 1) != 0 ? x[i] : y[i];
        }
    }
}
