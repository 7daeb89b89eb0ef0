using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class ClipCpu
{
    public static StepFn Bind(Clip op, BindContext b) => op.HasBounds ? UnaryCpu.Float(b, Activation.Clip(op.Low, op.High), new ClipOp(op.Low, op.High)) : Dispatch.Number(b, default(Binder));

    private readonly struct Binder : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T> => static (in StepContext c) =>
        {
            var x = c.In<T>(0);
            var y = c.Out<T>(0);
            bool low = c.Has(1), high = c.Has(2);
            if (!low && !high) x.CopyTo(y);
            else UnaryLoop.Simd(c.Workers, new BoundsOp<T>(low, low ? c.In<T>(1)[0] : default, high, high ? c.In<T>(2)[0] : default), x, y);
        };
    }

    // As ClipOp, with bounds of the element type: 64-bit integers do not all fit a double.
    private readonly struct BoundsOp<TBound>(bool hasLow, TBound low, bool hasHigh, TBound high) : IUnarySimd where TBound : unmanaged, INumber<TBound>
    {
        public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, INumber<T>
        {
            if (hasLow) x = Vector.Max(x, Vector.As<TBound, T>(Vector.Create(low)));
            if (hasHigh) x = Vector.Min(x, Vector.As<TBound, T>(Vector.Create(high)));
            return x;
        }
    }
}
