using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// ONNX DFT along one axis of [batch, …, 1 or 2], the last axis holding real or (real, imaginary). The axis is an attribute in opset 17
/// (default 1), input 2 from opset 20 (default −2). Input 1 cuts or zero-pads the signal.
/// </summary>
public sealed class Dft(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", a.Opset < 20 ? 1 : -2);

    /// <summary>True for the inverse transform.</summary>
    public bool IsInverse { get; } = a.Bool("inverse");

    /// <summary>True to give only the first ⌊n/2⌋ + 1 bins.</summary>
    public bool IsOneSided { get; } = a.Bool("onesided");

    /// <inheritdoc/>
    public override string Name => "DFT";

    /// <summary>Axis and number of points, given the values of inputs 1 and 2 (null when absent).</summary>
    public (int Axis, long Length) Form(Shape x, long[]? length, long[]? axis)
    {
        if (length is { Length: not 1 } || axis is { Length: not 1 }) throw new OperatorException("dft_length and axis must have one element");
        int at = x.Axis(axis?[0] ?? _axis);
        if (x.Rank < 2 || at == x.Rank - 1) throw new OperatorException($"axis {at} of input {x} is no signal axis");
        long n = length?[0] ?? x[at];
        if (n < 0) throw new OperatorException($"dft_length {n} is negative");
        return (at, n);
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F64, DType.F16, DType.BF16);
        var x = c.Shape(0);
        long[]? length = null, axis = null;
        if (c.Has(1) && !c.TryLongs(1, out length) | (c.Has(2) && !c.TryLongs(2, out axis))) return;
        if (c.Has(2) && axis is null && !c.TryLongs(2, out axis)) return;
        var (at, n) = Form(x, length, axis);
        if (x[-1] is not (1 or 2)) throw new OperatorException($"last axis of input {x} must be 1 (real) or 2 (complex)");
        if (IsOneSided && x[-1] == 2) throw new OperatorException("a onesided transform takes real input");
        c.Set(0, c.DType(0), x.With(x.Rank - 1, 2).With(at, IsOneSided ? n / 2 + 1 : n));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(5 * c.OutputElements * Math.Log2(Math.Max(2, c.OutputElements)), c.TotalBytes);
}
