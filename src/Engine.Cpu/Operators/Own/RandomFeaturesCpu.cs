using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>RandomFeatures: the two products of a low-rank weight with a lower bound between them, as one step; features stay in the cache.</summary>
internal static unsafe class RandomFeaturesCpu
{
    private const int Features = 1, Psi = 2, Bias = 3;

    public static StepFn Bind(RandomFeatures op, BindContext b)
    {
        if (b.Weight(Features) is not { } g || b.Weight(Psi) is not { } psi) throw new UnsupportedException($"{b.Node.Describe()}: its features and what they are multiplied by must be constants");
        int k = g.Shape.Int(1), m = g.Shape.Int(0), n = psi.Shape.Int(0), rows = Checked.Int(b.In(0).Shape.Elements / k);
        var product = new LowRankProduct(LinearProducts.Fastest(new LinearMatrix(g, false, k, m), rows, true), LinearProducts.Fastest(new LinearMatrix(psi, false, m, n), rows, true), m)
        {
            Between = Activation.Clip(op.Floor, float.PositiveInfinity),
            SecondInput = Psi,
        };
        var steps = new LinearSteps(b, (float)(1 / Math.Sqrt(m)), b.Has(Bias) ? new Addend(Bias, 1, 0, 1) : null, Activation.None);
        var run = product.Bind(b, Features);
        long bytes = product.WorkBytes(rows);
        int work = b.Work(bytes);
        return (in StepContext c) => run(c.Workers, rows, new LinearRows((nint)c.InPointer(0), k, 1, (nint)c.OutPointer(0), n, steps.At(c, n)), c.WorkPointer(work));
    }
}
