using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// Kernels for wires with a grid: operands are 8-bit codes, sums are integers, and the result is requantized to the output's grid, or
/// f32 where it has none. A ReLU behind the operator is a larger smallest code.
/// </summary>
internal static unsafe class GridCandidates
{
    private const double BytesPerNanosecond = 20;

    public static IEnumerable<Candidate> MatMul(MatMul op, NodeTypes n) => n.Has(2) ? [] : Product(op.Geometry(n.In(0).Shape, n.In(1).Shape), 1, n);

    public static IEnumerable<Candidate> Gemm(Gemm op, NodeTypes n)
    {
        if (op.Alpha != 1 || n.Has(2) && op.Beta != 1) return [];
        var g = op.Geometry(n.In(0).Shape, n.In(1).Shape);
        return Product(g, g.BColumn == 1 ? 1 : 0, n);
    }

    public static IEnumerable<Candidate> Add(Add op, NodeTypes n)
    {
        if (n.InGrid(0) is not { } a || n.InGrid(1) is not { } b || n.OutGrid(0) is not { } y || n.In(0) != n.In(1) || n.In(0).DType != DType.F32) return [];
        if (!OnlyRelu(n)) return [];
        int min = n.Node.Epilogue.Count > 0 ? Math.Max(y.MinCode, y.Zero) : y.MinCode;
        CodeGrid left = Grid(a), right = Grid(b), to = Grid(y);
        return [new Candidate("add-int8", _ => (in StepContext c) => BinaryInt8.Run<AddF32>(c.Workers, left, c.In<byte>(0), right, c.In<byte>(1), to, min, c.Out<byte>(0)))
        {
            Accepts = [QuantizedEncoding.Of(a), QuantizedEncoding.Of(b)],
            Produces = QuantizedEncoding.Of(y),
            FusesEpilogue = true,
            Nanoseconds = n.Out(0).Elements * 0.2,
        }];
    }

    private static IEnumerable<Candidate> Product(MatMulGeometry g, int channelAxis, NodeTypes n)
    {
        if (n.InGrid(0) is not { } grid || n.In(1).Shape.Rank != 2 || g.Batch != 1 || Weight(n, channelAxis) is not { } w || !Follows(n, g.N)) return [];
        return [Of("gemm-u8s8", grid, n, g.Operations, b => Bind(g, grid, () => w, w.Scale.ToF32(), b))];
    }

    /// <summary>The dense product with a weight in <paramref name="codes"/>, which are asked for when they are packed; <paramref name="factors"/> are their scales.</summary>
    public static StepFn Bind(MatMulGeometry g, WireQuantization grid, Func<Quantized> codes, Tensor factors, BindContext b)
    {
        var layout = new PackedLayout("gemm-u8s8", 1, $"codes {g.K}x{g.N} strides {g.BRow},{g.BColumn}", DType.U8, GemmU8S8.PackedLength(g.K, g.N));
        var packed = b.Pack(1, layout, (_, to, _) =>
        {
            var w = codes();
            GemmU8S8.PackB(w.Codes.Bytes, w.Signed, QuantizedZeros.Of(w), g.K, g.N, (nint)g.BRow, (nint)g.BColumn, to.Bytes);
        });
        var scales = new GridScales(grid, factors, b, g.N);
        return scales.Output is null
            ? (in StepContext c) => GemmU8S8.Run(c.Workers, g.M, g.N, g.K, Rows(c, g, grid), packed.Pointer, scales.Float(c, g.N, byRow: false))
            : (in StepContext c) => GemmU8S8.Run(c.Workers, g.M, g.N, g.K, Rows(c, g, grid), packed.Pointer, scales.Codes(c, g.N, byRow: false));
    }

    private static Candidate Of(string stem, WireQuantization grid, NodeTypes n, double operations, Func<BindContext, StepFn> bind) => new(stem, bind)
    {
        Accepts = [QuantizedEncoding.Of(grid)],
        Produces = n.OutGrid(0) is { } y ? QuantizedEncoding.Of(y) : Encoding.Plain,
        FusesEpilogue = true,
        Nanoseconds = operations / Rates.CodeOperations(GemmU8S8.Table) + (n.In(0).Elements + (double)n.Out(0).Elements) / BytesPerNanosecond,
    };

    private static CodeGrid Grid(WireQuantization q) => new(q.Code == DType.I8, q.Scale, q.Zero);

    private static GemmU8S8.Rows Rows(in StepContext c, MatMulGeometry g, WireQuantization grid) => new(c.InPointer(0), grid.Code == DType.I8, grid.Zero, (nint)g.ARow, (nint)g.AColumn);

    // The weight as 8-bit codes with one scale, or one a channel along the axis.
    private static Quantized? Weight(NodeTypes n, int axis) =>
        n.In(0).DType == DType.F32 && n.Weights[1] is Quantized { Bits: 8, Table: null, Minimum: null, DType: DType.F32 } w && (w.Granularity == Granularity.Tensor || w.Granularity == Granularity.Channel && w.Axis == axis) ? w : null;

    /// <summary>True when nothing but ReLUs follows a product, or before them the bias that it has not itself, as MatMul has none.</summary>
    public static bool Follows(NodeTypes n, long channels) =>
        GridScales.Bias(n.Node.Epilogue, n.Has(2)) is var bias && IsAddend(n, bias, channels) && n.Node.Epilogue.Skip(bias > 2 ? 1 : 0).All(IsRelu);

    private static bool OnlyRelu(NodeTypes n) => n.Node.Epilogue.All(IsRelu);

    private static bool IsRelu(EpilogueStep e) => e.Op is Relu && e.Operand < 0;

    // No bias, or one that can become a constant a channel.
    private static bool IsAddend(NodeTypes n, int bias, long channels) =>
        bias < 0 || !n.Has(bias) || n.Weights[bias] is not null && n.In(bias).DType == DType.F32 && (n.In(bias).Elements == 1 || n.In(bias).Elements == channels && n.In(bias).Shape[-1] == channels);
}
