using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// Products and convolutions of wires with a grid by N:M sparse 8-bit weights: codes are gathered by the positions of kept values, and sums go the way of the dense kernels'. A sparse
/// weight that has no such kernel is expanded to dense codes.
/// </summary>
internal sealed unsafe class NmCodesCpu(bool dyadic)
{
    public static IEnumerable<Candidate> MatMul(MatMul op, NodeTypes n) => n.Has(2) ? [] : Product(op.Geometry(n.In(0).Shape, n.In(1).Shape), n);

    public static IEnumerable<Candidate> FusedMatMul(FusedMatMul op, NodeTypes n) => op.Alpha != 1 || n.Has(2) ? [] : Product(op.Geometry(n.In(0).Shape, n.In(1).Shape), n);

    public static IEnumerable<Candidate> Gemm(Gemm op, NodeTypes n) => op.Alpha != 1 || n.Has(2) && op.Beta != 1 ? [] : Product(op.Geometry(n.In(0).Shape, n.In(1).Shape), n);

    private static IEnumerable<Candidate> Product(MatMulGeometry g, NodeTypes n)
    {
        if (n.InGrid(0) is not { } grid || n.In(0).DType != DType.F32 || n.In(1).Shape.Rank != 2 || g.Batch != 1 || g.K == 0 || g.N == 0 || n.Weights[1] is not { } w || !GridCandidates.Follows(n, g.N)) yield break;
        bool transposed = g.BColumn == 1 && g.N > 1;
        if (Scales(w, transposed ? 1 : 0) is not { } factors) yield break;
        var form = NmPatterns.Of(w, transposed);
        // The dense kernel has plain codes already.
        if (form is null && w is Quantized) yield break;
        if (SparseMatrix.Of(w) is { } matrix)
            foreach (var c in SparseCodesCpu.Products(matrix, g, grid, n)) yield return c;
        yield return new Candidate(form is null ? "gemm-u8s8" : "gemm-nm-u8s8", b => form is { } f ? BindSparse(g, f, grid, w, factors, b) : GridCandidates.Bind(g, grid, () => NmPatterns.AllCodes(w), factors, b))
        {
            Accepts = [QuantizedEncoding.Of(grid)],
            Produces = n.OutGrid(0) is { } y ? QuantizedEncoding.Of(y) : Encoding.Plain,
            FusesEpilogue = true,
            Structure = form?.ToString(),
            Nanoseconds = Operations(g.Operations, form) + (form is null ? (double)g.K * g.N / Rates.BytesPerNanosecond : 0) + (n.In(0).Elements + (double)n.Out(0).Elements) / Rates.BytesPerNanosecond,
        };
    }

    private static double Operations(double dense, NmForm? form) => form is { } f ? dense * f.N / f.M / Rates.NmOperations(GemmNmU8S8.Table) : dense / Rates.CodeOperations(GemmU8S8.Table);

    private static StepFn BindSparse(MatMulGeometry g, NmForm form, WireQuantization grid, Weight w, Tensor factors, BindContext b)
    {
        var packed = b.Pack(1, $"gemm-nm-u8s8 {form} {g.K}x{g.N} {g.BRow},{g.BColumn}", _ =>
        {
            var (codes, t) = (NmPatterns.AllCodes(w), Tensor.Allocate(DType.U8, new Shape(GemmNmU8S8.PackedLength(form, g.K, g.N))));
            return GemmNmU8S8.PackB(form, codes.Codes.Bytes, codes.Signed, QuantizedZeros.Of(codes), g.K, g.N, (nint)g.BRow, (nint)g.BColumn, t.Bytes) ? t : throw b.Unsupported(1);
        });
        var scales = new GridScales(grid, factors, b, g.N);
        return scales.Output is null
            ? (in StepContext c) => GemmNmU8S8.Run(c.Workers, form, g.M, g.N, g.K, Rows(c, g, grid), packed.Pointer, scales.Float(c, g.N, byRow: false))
            : (in StepContext c) => GemmNmU8S8.Run(c.Workers, form, g.M, g.N, g.K, Rows(c, g, grid), packed.Pointer, scales.Codes(c, g.N, byRow: false));
    }

    private static GemmU8S8.Rows Rows(in StepContext c, MatMulGeometry g, WireQuantization grid) => new(c.InPointer(0), grid.Code == DType.I8, grid.Zero, (nint)g.ARow, (nint)g.AColumn);

    public IEnumerable<Candidate> Conv(Conv op, NodeTypes n)
    {
        if (n.InGrid(0) is not { } grid || n.In(0).DType != DType.F32 || n.In(1).Shape.Rank < 3 || !ChannelsLastCandidates.Clamps(n) || n.Weights[1] is not { } w || Scales(w, 0) is not { } factors || !ChannelsLastCandidates.IsBias(n, w.Shape[0])) yield break;
        var s = ConvCpu.Shape(op, n.In(0).Shape, n.In(1).Shape);
        if (!ConvU8S8.Supports(s)) yield break;
        NmForm? form = s.Group == 1 && NmPatterns.OfChannels(w) is { } f && ConvU8S8.Supports(s, f) ? f : null;
        if (form is null && w is Quantized) yield break;
        if (SparseMatrix.Of(w) is { } matrix)
            foreach (var c in SparseCodesCpu.Pointwise(matrix, s, grid, n, dyadic)) yield return c;
        yield return new Candidate(form is null ? "conv-u8s8" : "conv-nm-u8s8", b => Bind(s, form, grid, w, factors, b))
        {
            Accepts = [ChannelsLastEncoding.Of(grid)],
            Produces = n.OutGrid(0) is { } y ? ChannelsLastEncoding.Of(y) : Encoding.Plain,
            FusesEpilogue = true,
            Structure = form?.ToString(),
            Nanoseconds = Operations(s.Operations, form) + (n.In(0).Elements + (double)n.Out(0).Elements) / Rates.BytesPerNanosecond,
        };
    }

    private StepFn Bind(ConvShape s, NmForm? form, WireQuantization grid, Weight w, Tensor factors, BindContext b)
    {
        var conv = new ConvU8S8(s, form);
        var packed = b.Pack(1, $"conv-u8s8 {form} {s}", _ =>
        {
            var (codes, t) = (NmPatterns.AllCodes(w), Tensor.Allocate(DType.I8, new Shape(conv.PackedLength)));
            return conv.Pack(codes.Codes.Bytes, codes.Signed, QuantizedZeros.Of(codes), t.Span<sbyte>()) ? t : throw b.Unsupported(1);
        });
        var tile = form is { } f ? ConvU8S8.Tiles(GemmNmU8S8.Table.Best, f) : GemmU8S8.Table.Best;
        return ChannelsLastCandidates.Bind(conv, tile, packed, new ChannelSums(grid, factors, b, s.OutChannels, dyadic), s, grid, b);
    }

    // The scales, along an axis of the product's outputs, of codes that less their zero points are s8; null for other weights.
    private static Tensor? Scales(Weight w, int axis)
    {
        if (SparseMatrix.Of(w) is { } m) return m.Codes is null || axis != 0 ? null : m.Scales();
        var q = w is SparseNM s ? NmPatterns.Codes(s) : w as Quantized;
        if (q is not { Bits: 8, Table: null, Minimum: null, DType: DType.F32 } || q.Granularity == Granularity.Group || q.Granularity == Granularity.Channel && q.Axis != axis) return null;
        int flip = q.Signed ? 0 : 128;
        return Array.TrueForAll(QuantizedZeros.Of(q), z => z == flip) ? q.Scale.ToF32() : null;
    }
}
