using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Binds functions of one element.</summary>
internal static class UnaryCpu
{
    /// <summary>A vector function, for floats.</summary>
    public static StepFn Float<TOp>(BindContext b, TOp op) where TOp : struct, IUnarySimd => Dispatch.Float(b, new Simd<TOp>(op));

    /// <summary>A kernel of f32, and a vector function for other floats.</summary>
    public static StepFn Float<TOp>(BindContext b, KernelTable<UnaryF32.Fn> table, TOp op, float p0 = 0, float p1 = 0) where TOp : struct, IUnarySimd
    {
        if (b.In(0).DType != DType.F32) return Float(b, op);
        var f = table.Best;
        return (in StepContext c) => UnaryF32.Run(c.Workers, f, c.In<float>(0), c.Out<float>(0), p0, p1);
    }

    /// <summary>An activation, and its vector function for other floats.</summary>
    public static StepFn Float<TOp>(BindContext b, Activation a, TOp op) where TOp : struct, IUnarySimd => Float(b, UnaryF32.Of(a.Kind)!, op, a.P0, a.P1);

    /// <summary>A vector function, for every number.</summary>
    public static StepFn Number<TOp>(BindContext b, TOp op) where TOp : struct, IUnarySimd => Dispatch.Number(b, new Simd<TOp>(op));

    /// <summary>A scalar function of floats.</summary>
    public static StepFn Scalar<TOp>(BindContext b, TOp op) where TOp : struct, IUnaryFloat => Dispatch.Float(b, new ScalarBinder<TOp>(op));

    /// <summary>A vector function of bytes.</summary>
    public static StepFn Bytes<TOp>(TOp op) where TOp : struct, IUnarySimd => new Simd<TOp>(op).Bind<byte>();

    public static StepFn IsNaN(BindContext b) => Dispatch.Float(b, default(NaNBinder));

    public static StepFn IsInf(IsInf op, BindContext b) => Dispatch.Float(b, new InfBinder(op.Negative, op.Positive));

    public static StepFn Shrink(Shrink op, BindContext b) =>
        b.In(0).DType.IsInteger() ? Dispatch.Number(b, new ShrinkBinder(op.Bias, op.Lambd)) : Float(b, new ShrinkOp(op.Bias, op.Lambd));

    private readonly struct Simd<TOp>(TOp op) : INumberBinder, IFloatBinder where TOp : struct, IUnarySimd
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var f = op;
            return (in StepContext c) => UnaryLoop.Simd(c.Workers, f, c.In<T>(0), c.Out<T>(0));
        }

        StepFn IFloatBinder.Bind<T>() => Bind<T>();
    }

    private readonly struct ScalarBinder<TOp>(TOp op) : IFloatBinder where TOp : struct, IUnaryFloat
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var f = new UnaryFloat<TOp, T>(op);
            return (in StepContext c) => UnaryLoop.Map(c.Workers, f, c.In<T>(0), c.Out<T>(0));
        }
    }

    private readonly struct NaNBinder : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            static (in StepContext c) => UnaryLoop.Map(c.Workers, default(IsNaNOp<T>), c.In<T>(0), c.Out<byte>(0));
    }

    private readonly struct InfBinder(bool negative, bool positive) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var f = new IsInfOp<T>(negative, positive);
            return (in StepContext c) => UnaryLoop.Map(c.Workers, f, c.In<T>(0), c.Out<byte>(0));
        }
    }

    private readonly struct ShrinkBinder(float bias, float lambd) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var f = new IntegerShrinkOp<T>(bias, lambd);
            return (in StepContext c) => UnaryLoop.Map(c.Workers, f, c.In<T>(0), c.Out<T>(0));
        }
    }
}
