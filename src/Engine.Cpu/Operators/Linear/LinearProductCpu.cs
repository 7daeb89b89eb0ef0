using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>MatMul, FusedMatMul and Gemm with a constant operand in a form that has products of its own.</summary>
internal static unsafe class LinearProductCpu
{
    // The level of MatMulNBits at which activations are rounded to 8 bits, on any product.
    private const int RoundedLevel = 4;

    public static IEnumerable<Candidate> Candidates<TOp>(TOp op, NodeTypes n) where TOp : Operator, IMatMul => Candidates(op, op.Geometry(n.In(0).Shape, n.In(1).Shape), op.Alpha, null, Activation.None, n);

    public static IEnumerable<Candidate> CandidatesGemm<TOp>(TOp op, NodeTypes n) where TOp : GemmBase =>
        Candidates(op, op.Geometry(n.In(0).Shape, n.In(1).Shape), op.Alpha, MatMulCpu.Addend(op, n), MatMulCpu.FusedActivation(op), n);

    private static IEnumerable<Candidate> Candidates(Operator op, MatMulGeometry g, float alpha, Addend? addend, Activation activation, NodeTypes n)
    {
        if (n.In(0).DType != DType.F32 || n.In(1).DType != DType.F32 || n.Weights[1] is not { Shape.Rank: 2 } w || g.Batch != 1 || g.K == 0 || g.N == 0) yield break;
        var m = new LinearMatrix(w, g.BRow != 1 || g.BColumn != g.K, g.K, g.N);
        foreach (var p in LinearProducts.Of(m, g.M))
            if (p.TakesStrides || g.AColumn == 1)
                yield return new Candidate(p.Stem, b => Bind(p, g, alpha, addend, activation, b))
                {
                    FusesEpilogue = LinearSteps.Accepts(n),
                    Exact = p.IsExact || op.Attributes.Int("accuracy_level", 0) == RoundedLevel,
                    Nanoseconds = p.Nanoseconds(g.M),
                    Structure = w is Dense or Quantized or SparseNM ? (p as NmLinear)?.Form.ToString() : p.IsDense ? null : p.Stem,
                };
    }

    private static StepFn Bind(LinearProduct product, MatMulGeometry g, float alpha, Addend? addend, Activation activation, BindContext b)
    {
        var (steps, run) = (new LinearSteps(b, alpha, addend, activation), product.Bind(b, 1));
        long bytes = product.WorkBytes(g.M);
        int work = bytes == 0 ? -1 : b.Work(bytes);
        return (in StepContext c) =>
        {
            var io = new LinearRows((nint)((float*)c.InPointer(0) + g.AStarts[0]), (nint)g.ARow, (nint)g.AColumn, (nint)c.OutPointer(0), g.N, steps.At(c, g.N));
            run(c.Workers, g.M, io, work < 0 ? null : c.WorkPointer(work));
        };
    }
}
