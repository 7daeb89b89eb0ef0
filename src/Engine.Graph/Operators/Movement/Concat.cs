using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Concat: inputs one after the other along an axis.</summary>
public sealed class Concat(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Opset < 4 ? a.Int("axis", 1) : a.Int("axis");

    /// <inheritdoc/>
    public override string Name => "Concat";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <summary>The axis for inputs shaped like <paramref name="x"/>.</summary>
    public int Axis(Shape x) => AxisList.One(x, _axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        int axis = Axis(x);
        long sum = 0;
        for (int i = 0; i < c.InputCount; i++)
        {
            c.RequireSame(0, i);
            var s = c.Shape(i);
            if (s.Rank != x.Rank || s.With(axis, 0) != x.With(axis, 0)) throw new OperatorException($"inputs {x} and {s} cannot be joined along axis {axis}");
            sum = Checked.Add(sum, s[axis]);
        }
        c.Set(0, c.DType(0), x.With(axis, sum));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it joins the stream with something along its own axis");
}
