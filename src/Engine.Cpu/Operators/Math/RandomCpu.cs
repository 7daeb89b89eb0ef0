using System.Numerics;
using System.Runtime.InteropServices;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Binds operators that draw random numbers, one stream a run.</summary>
internal static class RandomCpu
{
    public static StepFn Fill(RandomFill op, BindContext b) => b.Out(0).DType switch
    {
        DType.F32 => FillOf<float>(op),
        DType.F64 => FillOf<double>(op),
        var t => throw new UnsupportedException($"{b.Node.Describe()}: element type {t.Display()} is not supported"),
    };

    public static StepFn Bernoulli(Bernoulli op, BindContext b) => Dispatch.Float(b, new BernoulliBinder(op.Seed, b.Out(0).DType));

    public static StepFn Multinomial(Multinomial op, BindContext b) => Dispatch.Float(b, new MultinomialBinder(op.Seed, b.In(0).Shape.Int(1), b.Out(0).DType == DType.I64));

    public static StepFn Dropout(Dropout op, BindContext b) => Dispatch.Float(b, new DropoutBinder(op, b));

    private static long SeedOf(long? seed) => seed ?? Random.Shared.NextInt64();

    private static StepFn FillOf<T>(RandomFill op) where T : unmanaged, IBinaryFloatingPointIeee754<T> => op.Normal
        ? (in StepContext c) => RandomLoop.Normal(SeedOf(op.Seed), op.P0, op.P1, c.Out<T>(0))
        : (in StepContext c) => RandomLoop.Uniform(SeedOf(op.Seed), op.P0, op.P1, c.Out<T>(0));

    private readonly struct BernoulliBinder(long? seed, DType to) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => to switch
        {
            DType.F32 => Step<T, float>(seed),
            DType.F64 => Step<T, double>(seed),
            DType.Bool or DType.U8 or DType.I8 => Step<T, byte>(seed),
            DType.U16 or DType.I16 => Step<T, ushort>(seed),
            DType.U32 or DType.I32 => Step<T, uint>(seed),
            DType.U64 or DType.I64 => Step<T, ulong>(seed),
            _ => throw new UnsupportedException($"Bernoulli does not draw elements of type {to.Display()}"),
        };

        // 0 and 1 have the same bits in signed and unsigned types; the output is viewed through its bytes.
        private static StepFn Step<T, TResult>(long? seed) where T : unmanaged, IBinaryFloatingPointIeee754<T> where TResult : unmanaged, INumber<TResult> =>
            (in StepContext c) => RandomLoop.Bernoulli(SeedOf(seed), c.In<T>(0), MemoryMarshal.Cast<byte, TResult>(c.Out<byte>(0)));
    }

    private readonly struct MultinomialBinder(long? seed, int classes, bool wide) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var (s, n) = (seed, classes);
            return wide
                ? (in StepContext c) => RandomLoop.Multinomial(SeedOf(s), c.In<T>(0), n, c.Out<long>(0))
                : (in StepContext c) => RandomLoop.Multinomial(SeedOf(s), c.In<T>(0), n, c.Out<int>(0));
        }
    }

    private readonly struct DropoutBinder(Dropout op, BindContext b) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var o = op;
            // Before opset 10 the mask has the element type of the data.
            bool numericMask = b.HasOut(1) && b.Out(1).DType != DType.Bool, mayTrain = op.MayTrain && b.Has(2);
            DType? ratioType = b.Has(1) ? b.In(1).DType : null;
            return (in StepContext c) =>
            {
                var x = c.In<T>(0);
                var y = c.Out<T>(0);
                var mask = c.Out<byte>(1);
                if (mayTrain && c.In<byte>(2)[0] != 0)
                {
                    double ratio = ratioType switch { null => 0.5, DType.F64 => c.In<double>(1)[0], _ => c.In<float>(1)[0] };
                    if (!(ratio >= 0 && ratio < 1)) throw new OperatorException($"ratio {ratio} is outside [0, 1)");
                    if (ratio != 0)
                    {
                        RandomLoop.Dropout(SeedOf(o.Seed), ratio, x, y, mask);
                        return;
                    }
                }
                x.CopyTo(y);
                if (numericMask) c.Out<T>(1).Fill(T.One);
                else mask.Fill(1);
            };
        }
    }
}
