using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>x · Wᵀ for a constant W of SpQR tiles, with or without sparse outliers, a row of x at a time.</summary>
internal static unsafe class SpqrMatVecCpu
{
    // Rows are multiplied one by one.
    private static double OperationsPerNanosecond => SpqrMatVec.Table.Tier switch { "avx512" => 60, "avx2" => 33, _ => 1 };

    public static IEnumerable<Candidate> Candidates(FusedMatMul op, NodeTypes n) => Candidates(op.Geometry(n.In(0).Shape, n.In(1).Shape), op.Alpha, null, n);

    public static IEnumerable<Candidate> CandidatesGemm(Gemm op, NodeTypes n) =>
        Candidates(op.Geometry(n.In(0).Shape, n.In(1).Shape), op.Alpha, n.Has(2) ? new Addend(2, op.Beta, n.In(2).Shape, n.Out(0).Shape) : null, n);

    private static IEnumerable<Candidate> Candidates(MatMulGeometry g, float alpha, Addend? addend, NodeTypes n)
    {
        if (n.In(0).DType != DType.F32 || Parts(n.Weights[1]) is not var (tiles, outliers) || tiles.Columns != g.K || tiles.Rows != g.N || g.BRow != 1 || g.BColumn != g.K || g.AColumn != 1 || g.BStarts.Length != 1) yield break;
        yield return new Candidate("spqr-matvec", b => Bind(g, alpha, addend, tiles, outliers, b)) { FusesEpilogue = LinearSteps.Accepts(n), Structure = "SpQR", Nanoseconds = Rates.Product(g.Operations / OperationsPerNanosecond, n.Weights[1]!.StoredBytes) };
    }

    private static (SpqrTiles Tiles, SparseCsr? Outliers)? Parts(Weight? w) => w switch
    {
        SpqrTiles { DType: DType.F32 } t => (t, null),
        WeightSum { Terms: [SpqrTiles { DType: DType.F32 } t, SparseCsr s] } => (t, s),
        _ => null,
    };

    private static StepFn Bind(MatMulGeometry g, float alpha, Addend? addend, SpqrTiles tiles, SparseCsr? outliers, BindContext b)
    {
        var steps = new LinearSteps(b, alpha, addend, Activation.None);
        // Tiles and indices are read where they lie; the values of outliers become f32.
        var values = b.Pack(1, "outliers", _ => outliers is null ? Tensor.Vector<float>() : outliers.Values.ToF32());
        int work = b.Work(Checked.Mul(sizeof(float), SpqrMatVec.WorkLength(g.K)));
        return (in StepContext c) =>
        {
            var epilogue = steps.At(c, g.N);
            for (int i = 0; i < g.Batch; i++)
                for (int r = 0; r < g.M; r++)
                {
                    float* x = (float*)c.InPointer(0) + g.AStarts[i] + (nint)r * g.ARow, y = (float*)c.OutPointer(0) + ((nint)i * g.M + r) * g.N;
                    SpqrMatVec.Run(c.Workers, g.N, g.K, (ulong*)tiles.Words.Pointer, x, (float*)c.WorkPointer(work), y);
                    if (outliers is not null) CsrMatVec.Add(c.Workers, g.N, (int*)outliers.Starts.Pointer, outliers.ColumnIndices.Pointer, outliers.ColumnIndices.DType == DType.I32, (float*)values.Pointer, x, y);
                    if (!epilogue.IsEmpty) epilogue.Apply(i * g.M + r, 0, new(y, g.N));
                }
        };
    }
}
