using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Range: start, start + delta, … up to but not including limit.</summary>
public sealed class RangeOf(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Range";

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.RequireSame(0, 1);
        c.RequireSame(0, 2);
        if (!c.TryValue(0, out var start) | !c.TryValue(1, out var limit) | !c.TryValue(2, out var delta)) return;
        c.Set(0, c.DType(0), new Shape(c.DType(0).IsFloat() ? CountFloats(start, limit, delta) : CountIntegers(start, limit, delta)));
    }

    private static long CountIntegers(Tensor start, Tensor limit, Tensor delta)
    {
        Int128 span = (Int128)ScalarValue.ToLong(limit, "limit") - ScalarValue.ToLong(start, "start"), step = ScalarValue.ToLong(delta, "delta");
        if (step == 0) throw new OperatorException("delta is zero");
        Int128 n = span / step + (span % step != 0 && (span > 0) == (step > 0) ? 1 : 0);
        if (n > long.MaxValue) throw new SizeOverflowException($"a range of {n} elements does not fit");
        return (long)Int128.Max(0, n);
    }

    private static long CountFloats(Tensor start, Tensor limit, Tensor delta)
    {
        double from = ScalarValue.ToDouble(start, "start"), to = ScalarValue.ToDouble(limit, "limit"), step = ScalarValue.ToDouble(delta, "delta");
        // The difference is rounded to the element type, as the operator's definition computes in it.
        double span = start.DType == DType.F64 ? to - from : (float)(to - from);
        double n = Math.Ceiling(span / step);
        if (double.IsNaN(n) || n > long.MaxValue / 2) throw new OperatorException($"a range from {from} to {to} by {step} has no finite length");
        return (long)Math.Max(0, n);
    }
}
