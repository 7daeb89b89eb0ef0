using System.Runtime.CompilerServices;
using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static unsafe class EyeLikeCpu
{
    public static StepFn Bind(EyeLike op, BindContext b)
    {
        var y = b.Out(0);
        return Dispatch.Width(b, y.DType, new Binder(ScalarValue.Encode(y.DType, 1), y.Shape.Int(0), y.Shape.Int(1), op.K));
    }

    private readonly struct Binder(byte[] one, int rows, int columns, long k) : IWidthBinder
    {
        public StepFn Bind<T>() where T : unmanaged
        {
            T value = Unsafe.ReadUnaligned<T>(ref one[0]);
            int width = columns, diagonal = (int)Math.Clamp(k, -rows, columns), from = Math.Max(0, -diagonal), to = Math.Min(rows, columns - diagonal);
            return (in StepContext c) =>
            {
                var y = c.Out<T>(0);
                y.Clear();
                for (int r = from; r < to; r++) y[r * width + r + diagonal] = value;
            };
        }
    }
}
