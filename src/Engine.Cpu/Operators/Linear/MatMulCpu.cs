using System.Numerics;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>MatMul, FusedMatMul and Gemm: f32 through packed panels, other number types through the generic product.</summary>
internal static class MatMulCpu
{
    private const double CopyNanoseconds = 1e12;

    public static IEnumerable<Candidate> Candidates<TOp>(TOp op, NodeTypes n) where TOp : Operator, IMatMul =>
        Candidates(op.Geometry(n.In(0).Shape, n.In(1).Shape), op.Alpha, null, Activation.None, n);

    public static IEnumerable<Candidate> CandidatesGemm<TOp>(TOp op, NodeTypes n) where TOp : GemmBase =>
        Candidates(op.Geometry(n.In(0).Shape, n.In(1).Shape), op.Alpha, Addend(op, n), FusedActivation(op), n);

    /// <summary>Operand C.</summary>
    public static Addend? Addend(GemmBase op, NodeTypes n) => n.Has(2) ? new Addend(2, op.Beta, n.In(2).Shape, n.Out(0).Shape) : null;

    /// <summary>The activation that a FusedGemm names.</summary>
    public static Activation FusedActivation(GemmBase op) => op is not FusedGemm { Activation.Length: > 0 } f ? Activation.None
        : Activation.TryParse(f.Activation, f.ActivationAlpha, f.ActivationBeta, out var a) ? a
        : throw new OperatorException($"activation '{f.Activation}' is not known");

    private static IEnumerable<Candidate> Candidates(MatMulGeometry g, float alpha, Addend? addend, Activation activation, NodeTypes n)
    {
        double time = n.Weights[1] is not null && g.BStarts.Length == 1 ? DenseProduct.CopyFactor(n.Weights[1], g.N, g.K) * DenseProduct.Estimate((double)g.M * g.Batch, g.N, g.K)
            // Both operands are read, and one is packed first.
            : g.Operations / Rates.Operations(GemmF32.Table) + n.Inputs.Concat(n.Outputs).Sum(t => t is null ? 0.0 : t.Bytes) / Rates.BytesPerNanosecond;
        // What is added to a dense matrix stays apart wherever a product does that: a sum of its own would be a second copy of the matrix for every adapter.
        if (n.Weights[1] is WeightSum { Terms: [Dense, ..] }) time += CopyNanoseconds;
        yield return new Candidate("gemm-f32", b => BindF32(g, alpha, addend, activation, b)) { FusesEpilogue = LinearSteps.Accepts(n), Nanoseconds = time };
        if (alpha == 1 && activation == Activation.None && MatMulBf16Cpu.Accepts(g, addend, n)) yield return new Candidate("gemm-bf16", b => MatMulBf16Cpu.Bind(g, addend, b)) { Nanoseconds = time / 2 };
        if (activation == Activation.None) yield return new Candidate("gemm", b => Dispatch.Number(b, new GenericBinder(g, alpha, addend))) { Nanoseconds = 4 * time };
    }

    private static unsafe StepFn BindF32(MatMulGeometry g, float alpha, Addend? addend, Activation activation, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var steps = new LinearSteps(b, alpha, addend, activation);
        long panel = GemmF32.PackedLength(g.K, g.N);
        if (b.Weight(1) is not null)
        {
            if (Part(g, b.Weight(1)!) is { } part)
            {
                // The first rows and columns of a larger matrix, in the layout that all its parts share.
                var product = new DenseProduct(part).Bind(b, 1);
                return (in StepContext c) => product(c.Workers, g.M, new((nint)((float*)c.InPointer(0) + g.AStarts[0]), (nint)g.ARow, (nint)g.AColumn, (nint)c.OutPointer(0), g.N, steps.At(c, g.N)), null);
            }
            var packed = b.Pack(1, Layout(g.K, g.N, g.BRow, g.BColumn, g.BStarts), (w, to, workers) => Pack(workers, g, w, to));
            return (in StepContext c) => Multiply(c.Workers, g, (float*)c.InPointer(0), (float*)packed.Pointer, panel, (float*)c.OutPointer(0), steps.At(c, g.N));
        }
        int work = b.Work(PackedBytes(g));
        return (in StepContext c) =>
        {
            float* packed = (float*)c.WorkPointer(work);
            PackAll(c.Workers, g, (float*)c.InPointer(1), packed, panel);
            Multiply(c.Workers, g, (float*)c.InPointer(0), packed, panel, (float*)c.OutPointer(0), steps.At(c, g.N));
        };
    }

    private static LinearMatrix? Part(MatMulGeometry g, Weight w)
    {
        if (w is not Leading { Shape.Rank: 2 } l || g.Batch != 1) return null;
        var part = new LinearMatrix(l.Whole, g.BRow != 1 || g.BColumn != g.K, g.K, g.N);
        return g.N == part.StoredOutputs || g.N % GemmF32.LaneColumns == 0 ? part : null;
    }

    /// <summary>Bytes that B takes in panels.</summary>
    public static long PackedBytes(MatMulGeometry g) => Checked.Mul(Checked.Mul(g.BStarts.Length, GemmF32.PackedLength(g.K, g.N)), sizeof(float));

    /// <summary>The plain product of f32; <paramref name="packed"/> is a workspace of <see cref="PackedBytes"/>.</summary>
    public static unsafe void Run(Workers workers, MatMulGeometry g, float* x, float* w, float* packed, float* y)
    {
        long panel = GemmF32.PackedLength(g.K, g.N);
        PackAll(workers, g, w, packed, panel);
        Multiply(workers, g, x, packed, panel, y, LinearEpilogue.None);
    }

    /// <summary>The plain product of any numbers.</summary>
    public static unsafe void Run<T>(Workers workers, MatMulGeometry g, T* x, T* w, T* y) where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < g.Batch; i++)
            GemmGeneric.Run(workers, g.M, g.N, g.K, x + g.AStarts[i], (nint)g.ARow, (nint)g.AColumn, w + g.BStarts[g.BIndex[i]], (nint)g.BRow, (nint)g.BColumn, y + (nint)i * g.M * g.N);
    }

    /// <summary>Panels of the matrices [k, n] that begin at <paramref name="starts"/> of a weight, elements at the given strides.</summary>
    public static PackedLayout Layout(long k, long n, long row, long column, params ReadOnlySpan<long> starts)
    {
        long step = starts.Length > 1 ? starts[1] : 0;
        bool even = true;
        for (int i = 0; i < starts.Length; i++) even &= starts[i] == i * step;
        string where = starts.Length == 1 ? "" : even ? $" of {starts.Length} every {step}" : $" at {string.Join(',', starts.ToArray())}";
        return new("gemm-f32", 1, $"{k}x{n} strides {row},{column}{where}", DType.F32, Checked.Mul(starts.Length, GemmF32.PackedLength(k, n))) { IsStored = even };
    }

    private static unsafe void Pack(Workers workers, MatMulGeometry g, Weight weight, Tensor to)
    {
        var dense = weight.Decode();
        PackAll(workers, g, (float*)dense.Pointer, (float*)to.Pointer, GemmF32.PackedLength(g.K, g.N));
        GC.KeepAlive(dense);
    }

    private static unsafe void PackAll(Workers workers, MatMulGeometry g, float* source, float* packed, long panel)
    {
        for (int i = 0; i < g.BStarts.Length; i++) GemmF32.Pack(workers, g.K, g.N, source + g.BStarts[i], (nint)g.BRow, (nint)g.BColumn, packed + i * panel);
    }

    private static unsafe void Multiply(Workers workers, MatMulGeometry g, float* x, float* packed, long panel, float* y, LinearEpilogue epilogue)
    {
        var body = new BatchBody(g, x, packed, panel, y, epilogue, Workers.Single);
        if (g.Batch >= 2 * workers.Threads) workers.For(g.Batch, (int)Math.Clamp(65536 * g.Batch / Math.Max(1, g.Operations), 1, g.Batch), body);
        else (body with { Workers = workers }).Run(0, g.Batch);
    }

    private readonly unsafe record struct BatchBody(MatMulGeometry Geometry, nint X, nint Packed, long Panel, nint Y, LinearEpilogue Epilogue, Workers Workers) : IParallelBody
    {
        public BatchBody(MatMulGeometry g, float* x, float* packed, long panel, float* y, LinearEpilogue epilogue, Workers workers) : this(g, (nint)x, (nint)packed, panel, (nint)y, epilogue, workers) { }

        public void Run(int start, int end)
        {
            var g = Geometry;
            for (int i = start; i < end; i++)
            {
                nint first = (nint)i * g.M * g.N;
                GemmF32.Run(Workers, g.M, g.N, g.K, (float*)X + g.AStarts[i], (nint)g.ARow, (nint)g.AColumn, (float*)Packed + g.BIndex[i] * Panel, (float*)Y + first, g.N, Epilogue.From(first));
            }
        }
    }

    private readonly struct GenericBinder(MatMulGeometry geometry, float alpha, Addend? addend) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T>
        {
            var (g, factor, plus) = (geometry, alpha, addend);
            return (in StepContext c) => Run<T>(g, factor, plus, c);
        }

        private static unsafe void Run<T>(MatMulGeometry g, float alpha, Addend? addend, in StepContext c) where T : unmanaged, INumber<T>
        {
            T* y = (T*)c.OutPointer(0);
            MatMulCpu.Run(c.Workers, g, (T*)c.InPointer(0), (T*)c.InPointer(1), y);
            if (alpha == 1 && addend is null) return;
            T* plus = addend is null ? null : (T*)c.InPointer(addend.Operand);
            for (int i = 0; i < g.M; i++)
                for (int j = 0; j < g.N; j++, y++)
                {
                    *y = Scale(*y, alpha);
                    if (addend is not null) *y += Scale(plus[i * addend.Row + j * addend.Column], addend.Factor);
                }
        }

        private static T Scale<T>(T value, float factor) where T : unmanaged, INumber<T> => factor == 1 ? value : T.CreateTruncating(double.CreateTruncating(value) * factor);
    }
}
