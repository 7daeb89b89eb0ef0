using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// x · W for a constant W in codes, its columns in another order or with sparse outliers: codes are decoded a chunk at a time in the cache, or,
/// where the model or the caller consents, multiplied by activations of 8 bits.
/// </summary>
internal static unsafe class LowBitCpu
{
    // One core. Outliers are read one by one.
    private const double IntegerPerNanosecond = 450, FloatPerNanosecond = 140, CodesPerNanosecond = 45, BytesPerNanosecond = 20, OutliersPerNanosecond = 1, ActivationsPerNanosecond = 2;

    // The level of MatMulNBits at which activations are rounded to 8 bits, on any product.
    private const int IntegerLevel = 4;

    /// <summary>The parts of a weight: codes, the order of their columns, entries to add.</summary>
    private sealed record Parts(Quantized Codes, Tensor? Order, SparseCsr? Outliers)
    {
        public static Parts? Of(Weight? w) => w switch
        {
            Quantized q => new(q, null, null),
            Permuted { Inner: Quantized q } p => new(q, p.Order, null),
            WeightSum { Terms: [var inner, SparseCsr s] } when Of(inner) is { Outliers: null } p => p with { Outliers = s },
            _ => null,
        };
    }

    public static IEnumerable<Candidate> Candidates<TOp>(TOp op, NodeTypes n) where TOp : Operator, IMatMul => Candidates(op, op.Geometry(n.In(0).Shape, n.In(1).Shape), op.Alpha, null, Activation.None, n);

    public static IEnumerable<Candidate> CandidatesGemm<TOp>(TOp op, NodeTypes n) where TOp : GemmBase =>
        Candidates(op, op.Geometry(n.In(0).Shape, n.In(1).Shape), op.Alpha, MatMulCpu.Addend(op, n), MatMulCpu.FusedActivation(op), n);

    private static IEnumerable<Candidate> Candidates(Operator op, MatMulGeometry g, float alpha, Addend? addend, Activation activation, NodeTypes n)
    {
        if (n.In(0).DType != DType.F32 || n.In(1).DType != DType.F32 || Parts.Of(n.Weights[1]) is not { } w || g.Batch != 1 || g.K == 0 || g.N == 0) yield break;
        bool transposed = g.BRow != 1 || g.BColumn != g.K;
        // Orders and outliers belong to rows whose elements lie side by side.
        if (transposed && (w.Order is not null || w.Outliers is not null) || LowBitPacking.Layout(w.Codes, transposed) is not { } l) yield break;
        double outliers = (w.Outliers?.Values.Shape.Elements ?? 0) * (double)g.M / OutliersPerNanosecond;
        double bytes = (l.Bytes + n.In(0).Bytes + n.Out(0).Bytes) / BytesPerNanosecond + outliers;
        var product = new Product(g, l, w, transposed, alpha, addend, activation);
        yield return new Candidate("lowbit-decode", product.BindF32) { FusesEpilogue = LinearSteps.Accepts(n), Nanoseconds = bytes + g.Operations / FloatPerNanosecond + (double)g.K * g.N / CodesPerNanosecond };
        if (l.IsLinear && g.AColumn == 1)
            yield return new Candidate(LowBitProduct.Stem(l, g.M), product.BindInt8)
            {
                FusesEpilogue = LinearSteps.Accepts(n),
                Exact = op.Attributes.Int("accuracy_level", 0) == IntegerLevel,
                Nanoseconds = bytes + g.Operations / IntegerPerNanosecond + (double)g.M * g.K / ActivationsPerNanosecond,
            };
    }

    private sealed record Product(MatMulGeometry G, LowBitLayout Layout, Parts W, bool Transposed, float Alpha, Addend? Addend, Activation Activation)
    {
        private Tensor Packed(BindContext b) => b.Pack(1, Transposed ? "lowbit transposed" : "lowbit", _ => LowBitPacking.Pack(W.Codes, Transposed, Layout));

        public StepFn BindF32(BindContext b)
        {
            var (g, l, packed, steps, outliers, order) = (G, Layout, Packed(b), new LinearSteps(b, Alpha, Addend, Activation), Outliers.Of(W, b), W.Order);
            int work = order is null ? -1 : b.Work(Checked.Mul(sizeof(float), Checked.Mul(g.M, g.K)));
            return (in StepContext c) =>
            {
                float* x = (float*)c.InPointer(0) + g.AStarts[0], y = (float*)c.OutPointer(0);
                var epilogue = steps.At(c, g.N);
                float* rows = x;
                if (order is not null) LowBitProduct.Order(c.Workers, g.M, g.K, x, (nint)g.ARow, (nint)g.AColumn, (int*)order.Pointer, rows = (float*)c.WorkPointer(work));
                LowBitProduct.RunF32(c.Workers, l, packed.Pointer, g.M, rows, order is null ? (nint)g.ARow : g.K, order is null ? (nint)g.AColumn : 1, y, g.N, outliers is null ? epilogue : LinearEpilogue.None);
                outliers?.Add(c.Workers, g, x, y, epilogue);
            };
        }

        public StepFn BindInt8(BindContext b)
        {
            var (g, l, packed, steps, outliers, order) = (G, Layout, Packed(b), new LinearSteps(b, Alpha, Addend, Activation), Outliers.Of(W, b), W.Order);
            int work = b.Work(LowBitProduct.WorkBytes(l, g.M));
            return (in StepContext c) =>
            {
                float* x = (float*)c.InPointer(0) + g.AStarts[0], y = (float*)c.OutPointer(0);
                var epilogue = steps.At(c, g.N);
                LowBitProduct.RunInt8(c.Workers, l, packed.Pointer, g.M, x, (nint)g.ARow, order is null ? null : (int*)order.Pointer, c.WorkPointer(work), y, g.N, outliers is null ? epilogue : LinearEpilogue.None);
                outliers?.Add(c.Workers, g, x, y, epilogue);
            };
        }
    }

    /// <summary>Entries added after a product, before what follows it.</summary>
    private sealed record Outliers(SparseCsr W, Tensor Values)
    {
        public static Outliers? Of(Parts w, BindContext b) => w.Outliers is { } s ? new(s, b.Pack(1, "outliers", _ => s.Values.ToF32())) : null;

        public void Add(Workers workers, MatMulGeometry g, float* x, float* y, LinearEpilogue epilogue)
        {
            for (int r = 0; r < g.M; r++, x += g.ARow, y += g.N)
            {
                CsrMatVec.Add(workers, g.N, (int*)W.Starts.Pointer, W.ColumnIndices.Pointer, W.ColumnIndices.DType == DType.I32, (float*)Values.Pointer, x, y);
                if (!epilogue.IsEmpty) epilogue.Apply(r, 0, new(y, g.N));
            }
        }
    }
}
