using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// What turns the integer sums of a product with a constant weight into its result: a factor and an offset a channel, made at bind time
/// from the scales of input, weight and output and from the bias.
/// </summary>
internal sealed unsafe class GridScales
{
    private readonly Tensor _factors, _offsets;
    private readonly bool _relu;

    /// <summary>Takes the weight's scales, one or one a channel, and reads bias and the output's encoding.</summary>
    public GridScales(WireQuantization x, Tensor scales, BindContext b, int channels)
    {
        Output = b.OutEncoding is QuantizedEncoding q ? q.Grid : null;
        int given = Bias(b.Epilogue, b.Has(2));
        _relu = b.Epilogue.Any(e => e.Operand < 0);
        (_factors, _offsets) = (Tensor.Allocate(DType.F64, new Shape(channels)), Tensor.Allocate(DType.F64, new Shape(channels)));
        var bias = given >= 0 ? b.Pack(given, "dense", v => v.Decode()) : Tensor.Scalar(0f);
        Span<double> f = _factors.Span<double>(), o = _offsets.Span<double>();
        double step = Output?.Scale ?? 1;
        for (int i = 0; i < channels; i++)
        {
            f[i] = (double)x.Scale * scales.Span<float>()[scales.Shape.Elements == 1 ? 0 : i] / step;
            o[i] = bias.Span<float>()[bias.Shape.Elements == 1 ? 0 : i] / step;
        }
    }

    /// <summary>The operand that is the bias: the operator's own, else what is added first behind it; −1 without one.</summary>
    public static int Bias(IReadOnlyList<EpilogueStep> epilogue, bool own) => own ? 2 : epilogue is [{ Op: Graph.Operators.Add, Operand: >= 0 and var k }, ..] ? k : -1;

    /// <summary>The output's grid, or null for a plain f32 result.</summary>
    public WireQuantization? Output { get; }

    /// <summary>The epilogue for an f32 result; channels are rows or columns of the sums.</summary>
    public FloatGridStore Float(in StepContext c, int stride, bool byRow) =>
        new((float*)c.OutPointer(0), stride, Channel(_factors, byRow), Channel(_offsets, byRow), _relu ? 0 : double.NegativeInfinity);

    /// <summary>The epilogue for codes of the output's grid.</summary>
    public GridStore Codes(in StepContext c, int stride, bool byRow) =>
        new(c.OutPointer(0), stride, Channel(_factors, byRow), Channel(_offsets, byRow), Output!.Zero, _relu ? Math.Max(Output.MinCode, Output.Zero) : Output.MinCode, Output.MaxCode);

    private static TileParameter<double> Channel(Tensor t, bool byRow) => new((double*)t.Pointer, byRow ? 1 : 0, byRow ? 0 : 1);
}
