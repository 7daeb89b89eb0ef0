using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Gather: slices of the data along an axis, picked by indices; the indices' shape replaces the axis.</summary>
public sealed class Gather(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", 0);

    /// <inheritdoc/>
    public override string Name => "Gather";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <summary>The axis for data shaped like <paramref name="x"/>.</summary>
    public int Axis(Shape x) => AxisList.One(x, _axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(1, DType.I32, DType.I64);
        var x = c.Shape(0);
        int axis = Axis(x);
        c.Set(0, c.DType(0), new Shape([.. x.Dims[..axis], .. c.Shape(1).Dims, .. x.Dims[(axis + 1)..]]));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it picks frames by their place in the signal");
}
