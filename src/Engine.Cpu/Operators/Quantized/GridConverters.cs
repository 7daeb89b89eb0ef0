using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Between plain f32 and the 8-bit codes of a grid, in row-major order or channels last.</summary>
internal static unsafe class GridConverters
{
    public static StepFn? Find(TensorType type, Encoding from, Encoding to)
    {
        if (type.DType != DType.F32) return null;
        if (from is ChannelsLastEncoding || to is ChannelsLastEncoding) return ToOrFromChannelsLast(type, from, to);
        var layout = QuantLayout.PerTensor(type.Elements);
        if (from is PlainEncoding && to is QuantizedEncoding q)
        {
            var (code, scale, zero) = (q.Code, new[] { q.Scale }, new[] { (byte)q.Zero });
            return (in StepContext c) => QuantizeTensor.Quantize(c.Workers, layout, DType.F32, c.In<byte>(0), scale, zero, code, c.Out<byte>(0), true);
        }
        if (from is QuantizedEncoding d && to is PlainEncoding)
        {
            var (code, scale, zero) = (d.Code, new[] { d.Scale }, new[] { (byte)d.Zero });
            return (in StepContext c) => QuantizeTensor.Dequantize(c.Workers, layout, code, c.In<byte>(0), scale, zero, DType.F32, c.Out<byte>(0));
        }
        return null;
    }

    /// <summary>Codes of a tensor, plain, as a wire with their grid.</summary>
    public static IEnumerable<Candidate> Dequantize(DequantizeLinear op, NodeTypes n) =>
        n.OutGrid(0) is { } grid && Own(n) == grid ? Moves(n.Out(0), grid, toCodes: false) : [];

    /// <summary>The codes of a wire with a grid, plain.</summary>
    public static IEnumerable<Candidate> Quantize(QuantizeLinear op, NodeTypes n) =>
        n.InGrid(0) is { } grid && Own(n) == grid ? Moves(n.In(0), grid, toCodes: true) : [];

    private static WireQuantization? Own(NodeTypes n) => n.Node.Input(1) is { } scale && n.Node.Input(2) is { } zero ? WireQuantization.Of(scale, zero) : null;

    private static IEnumerable<Candidate> Moves(TensorType type, WireQuantization grid, bool toCodes)
    {
        Encoding plain = QuantizedEncoding.Of(grid), last = ChannelsLastEncoding.Of(grid);
        yield return Move("copy", (in StepContext c) => c.In<byte>(0).CopyTo(c.Out<byte>(0)), plain, toCodes, type);
        if (type.Shape.Rank >= 2 && Find(type, toCodes ? last : plain, toCodes ? plain : last) is { } reorder) yield return Move("reorder-codes", reorder, last, toCodes, type);
    }

    private static Candidate Move(string stem, StepFn step, Encoding codes, bool toCodes, TensorType type) => new(stem, _ => step)
    {
        Accepts = toCodes ? [codes] : [],
        Produces = toCodes ? Encoding.Plain : codes,
        Nanoseconds = type.Elements / Rates.BytesPerNanosecond,
    };

    private static StepFn? ToOrFromChannelsLast(TensorType type, Encoding from, Encoding to)
    {
        if (type.Shape.Rank < 2) return null;
        int n = type.Shape.Int(0), c = type.Shape.Int(1), pixels = type.Shape.Count(2, type.Shape.Rank);
        switch (from, to)
        {
            case (PlainEncoding, ChannelsLastEncoding e):
                var rounded = Grid(e);
                return (in StepContext s) => ChannelsLast.Quantize(s.Workers, (float*)s.InPointer(0), n, c, pixels, rounded, s.OutPointer(0));
            case (QuantizedEncoding d, ChannelsLastEncoding e) when d.Grid == e.Grid:
                var interleaved = Grid(e);
                return (in StepContext s) => ChannelsLast.FromPlanes(s.Workers, s.InPointer(0), n, c, pixels, interleaved, s.OutPointer(0));
            case (ChannelsLastEncoding e, PlainEncoding):
                var values = Grid(e);
                return (in StepContext s) => ChannelsLast.Dequantize(s.Workers, s.InPointer(0), n, c, pixels, values, (float*)s.OutPointer(0));
            case (ChannelsLastEncoding e, QuantizedEncoding d) when d.Grid == e.Grid:
                var planes = Grid(e);
                return (in StepContext s) => ChannelsLast.ToPlanes(s.Workers, s.InPointer(0), n, c, pixels, planes, s.OutPointer(0));
            default: return null;
        }
    }

    private static CodeGrid Grid(ChannelsLastEncoding e) => new(e.Code == DType.I8, e.Scale, e.Zero);
}
