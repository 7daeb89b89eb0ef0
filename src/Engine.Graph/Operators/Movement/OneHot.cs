using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX OneHot: a new axis of <c>depth</c> elements that are <c>off</c> except at the index, where they are <c>on</c>; an index out of range gives only <c>off</c>.</summary>
public sealed class OneHot(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", -1);

    /// <inheritdoc/>
    public override string Name => "OneHot";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <summary>Where the new axis goes for indices shaped like <paramref name="x"/>.</summary>
    public int Axis(Shape x) => x.Axis(_axis, 1);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        int axis = Axis(x);
        if (c.DType(0) is DType.String or DType.Bool or DType.C64 or DType.C128) throw new OperatorException($"indices of element type {c.DType(0).Display()} are no numbers");
        if (c.Shape(2).Elements != 2) throw new OperatorException($"values have shape {c.Shape(2)}, expected [2]: off, on");
        if (!c.TryValue(1, out var depthValue)) return;
        long depth = ScalarValue.ToLong(depthValue, "depth");
        if (depth < 0) throw new OperatorException($"depth {depth} is negative");
        c.Set(0, c.DType(2), new Shape([.. x.Dims[..axis], depth, .. x.Dims[axis..]]));
    }
}
