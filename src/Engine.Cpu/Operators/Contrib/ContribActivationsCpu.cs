using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>y = f(x + bias + skip) row by row.</summary>
internal static unsafe class ContribActivationsCpu
{
    public static void Register(KernelRegistry r)
    {
        r.Add<MicrosoftGelu>("gelu", (_, b) => Bind(b, new(ActivationKind.Gelu)));
        r.Add<BiasGelu>("gelu", (_, b) => Bind(b, new(ActivationKind.Gelu)));
        r.Add<FastGelu>("gelu", (_, b) => Bind(b, new(ActivationKind.GeluTanh)));
        r.Add<QuickGelu>("swish", (o, b) => Bind(b, new(ActivationKind.Swish, o.Alpha)));
        r.Add<BiasAdd>("bias-add", (_, b) => Bind(b, Activation.None));
    }

    private static StepFn Bind(BindContext b, Activation f)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var x = b.In(0).Shape;
        int row = x.Rank == 0 ? 1 : x.Int(-1), rows = row == 0 ? 0 : Checked.Int(x.Elements / row);
        return (in StepContext c) => c.Workers.For(rows, Math.Max(1, 4096 / Math.Max(1, row)), new Body(f, row, (float*)c.InPointer(0), (float*)c.InPointer(1), (float*)c.InPointer(2), (float*)c.OutPointer(0)));
    }

    private readonly struct Body(Activation f, int row, float* x, float* bias, float* skip, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int r = start; r < end; r++)
            {
                nint at = (nint)r * row;
                var to = new Span<float>(y + at, row);
                if (bias != null) BinaryLoop.Simd(default(AddOp), new ReadOnlySpan<float>(x + at, row), new ReadOnlySpan<float>(bias, row), to);
                if (skip != null) BinaryLoop.Simd(default(AddOp), new ReadOnlySpan<float>(bias != null ? y + at : x + at, row), new ReadOnlySpan<float>(skip + at, row), to);
                f.Apply(bias != null || skip != null ? to : new ReadOnlySpan<float>(x + at, row), to);
            }
        }
    }
}
