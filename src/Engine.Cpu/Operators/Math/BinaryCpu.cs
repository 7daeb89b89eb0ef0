using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Binds functions of two elements.</summary>
internal static class BinaryCpu
{
    /// <summary>A vector function, for every number.</summary>
    public static StepFn Number<TOp>(BinaryOperator op, BindContext b) where TOp : struct, IBinarySimd => Dispatch.Number(b, new Simd<TOp>(Plan(op, b)));

    /// <summary>A vector function of bytes that hold truth values.</summary>
    public static StepFn Logic<TOp>(BinaryOperator op, BindContext b) where TOp : struct, IBinarySimd => new Simd<TOp>(Plan(op, b)).Bind<byte>();

    /// <summary>A relation of two numbers (or truth values, as bytes).</summary>
    public static StepFn Relation<TRelation>(BinaryOperator op, BindContext b) where TRelation : struct, IRelation
    {
        var binder = new RelationBinder<TRelation>(Plan(op, b));
        return b.In(0).DType == DType.Bool ? binder.Bind<byte>() : Dispatch.Number(b, binder);
    }

    public static StepFn Div(Div op, BindContext b) => b.In(0).DType.IsInteger() ? Dispatch.Integer(b, new DivBinder(Plan(op, b))) : Dispatch.Float(b, new Simd<DivOp>(Plan(op, b)));

    public static StepFn Mod(Mod op, BindContext b) =>
        b.In(0).DType.IsInteger() ? Dispatch.Integer(b, new ModBinder(Plan(op, b), op.Truncated)) : Dispatch.Float(b, new FloatModBinder(Plan(op, b), op.Truncated));

    public static StepFn Shift(BitShift op, BindContext b) => Dispatch.Integer(b, new ShiftBinder(Plan(op, b), op.Left));

    /// <summary>Squares, cubes and roots known at plan time run as such.</summary>
    public static StepFn Pow(Pow op, BindContext b)
    {
        if (b.In(0).DType is DType.F32 or DType.F64 && b.In(1).Elements == 1 && b.Out(0).Shape == b.In(0).Shape && b.Value(1) is { } e && Exponent(e) is var power)
        {
            if (power == 2) return UnaryCpu.Float(b, default(SquareOp));
            if (power == 3) return UnaryCpu.Float(b, default(CubeOp));
        }
        var plan = Plan(op, b);
        return b.In(0).DType switch
        {
            DType.F32 => Dispatch.Number(b, new PowBinder<float>(plan), 1),
            DType.F64 => Dispatch.Number(b, new PowBinder<double>(plan), 1),
            DType.I32 => Dispatch.Number(b, new PowBinder<int>(plan), 1),
            DType.I64 => Dispatch.Number(b, new PowBinder<long>(plan), 1),
            _ => throw b.Unsupported(),
        };
    }

    /// <summary>Equal on strings.</summary>
    public static void EqualStrings(Equal op, DynamicContext c)
    {
        var (x, y) = (c.Tensor(0), c.Tensor(1));
        var shape = Shape.Broadcast(x.Shape, y.Shape);
        var plan = new BroadcastPlan(shape, x.Shape, y.Shape);
        var r = c.Allocate(DType.Bool, shape);
        plan.ForRows(Workers.Single, new StringRows(x.Strings, y.Strings, r, plan.InnerStride(0), plan.InnerStride(1)));
        c.Set(0, r);
    }

    private static double? Exponent(Tensor t) => t.DType switch
    {
        DType.F32 => t.Span<float>()[0],
        DType.F64 => t.Span<double>()[0],
        DType.I32 => t.Span<int>()[0],
        DType.I64 => t.Span<long>()[0],
        _ => null,
    };

    private static BroadcastPlan Plan(BinaryOperator op, BindContext b)
    {
        var (x, y) = (b.In(0).Shape, b.In(1).Shape);
        return new(b.Out(0).Shape, x, op.AlignSecond(x, y));
    }

    private readonly struct Simd<TOp>(BroadcastPlan plan) : INumberBinder, IFloatBinder where TOp : struct, IBinarySimd
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var p = plan;
            return (in StepContext c) => BinaryLoop.Simd(c.Workers, p, default(TOp), c.In<T>(0), c.In<T>(1), c.Out<T>(0));
        }

        StepFn IFloatBinder.Bind<T>() => Bind<T>();
    }

    private readonly struct RelationBinder<TRelation>(BroadcastPlan plan) : INumberBinder where TRelation : struct, IRelation
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T> => Map<Compare<TRelation, T>, T, T, byte>(plan, default);
    }

    private readonly struct DivBinder(BroadcastPlan plan) : IIntegerBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> => Map<IntegerDivOp<T>, T, T, T>(plan, default);
    }

    private readonly struct ModBinder(BroadcastPlan plan, bool truncated) : IIntegerBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> => Map<IntegerModOp<T>, T, T, T>(plan, new(truncated));
    }

    private readonly struct FloatModBinder(BroadcastPlan plan, bool truncated) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Map<FloatModOp<T>, T, T, T>(plan, new(truncated));
    }

    private readonly struct ShiftBinder(BroadcastPlan plan, bool left) : IIntegerBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> => Map<ShiftOp<T>, T, T, T>(plan, new(left));
    }

    private readonly struct PowBinder<TBase>(BroadcastPlan plan) : INumberBinder where TBase : unmanaged, INumber<TBase>
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T> => Map<PowOp<TBase, T>, TBase, T, TBase>(plan, default);
    }

    private static StepFn Map<TOp, TA, TB, TResult>(BroadcastPlan plan, TOp op) where TOp : struct, IBinary<TA, TB, TResult> where TA : unmanaged where TB : unmanaged where TResult : unmanaged =>
        (in StepContext c) => BinaryLoop.Map<TOp, TA, TB, TResult>(c.Workers, plan, op, c.In<TA>(0), c.In<TB>(1), c.Out<TResult>(0));

    private readonly struct StringRows(string[] a, string[] b, Tensor y, int stepA, int stepB) : IRowBody
    {
        public void Row(ReadOnlySpan<long> operands, int to, int count)
        {
            var row = y.Bytes.Slice(to, count);
            for (int i = 0; i < count; i++) row[i] = a[operands[0] + (long)i * stepA] == b[operands[1] + (long)i * stepB] ? (byte)1 : (byte)0;
        }
    }
}
