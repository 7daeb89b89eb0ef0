using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX TopK: the k greatest (or least) elements along an axis, in order, and their i64 indices; of equal elements the one with the lower index comes first.</summary>
public sealed class TopK(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", -1);
    private readonly long? _k = a.Opset < 10 ? a.Int("k") : null;

    /// <summary>True for the greatest elements, false for the least.</summary>
    public bool Largest { get; } = a.Opset < 11 || a.Bool("largest", true);

    /// <inheritdoc/>
    public override string Name => "TopK";

    /// <summary>The axis for an input shaped like <paramref name="x"/>.</summary>
    public int Axis(Shape x) => AxisList.One(x, _axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        int axis = Axis(x);
        long k;
        if (_k is not null) k = _k.Value;
        else if (c.TryValue(1, out var v)) k = ScalarValue.ToLong(v, "k");
        else return;
        if (k < 0 || k > x[axis]) throw new OperatorException($"k {k} is outside [0, {x[axis]}], the length of axis {axis} of {x}");
        var y = x.With(axis, k);
        c.Set(0, c.DType(0), y);
        c.Set(1, DType.I64, y);
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(2.0 * c.Shape(0).Elements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis == Axis(c.Type(0).Shape), "it sorts the frames of the signal");
}
