using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX GatherElements: each element of the indices, in place of its own coordinate along the axis, picks an element of the data.</summary>
public sealed class GatherElements(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", 0);

    /// <inheritdoc/>
    public override string Name => "GatherElements";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <summary>The axis for data shaped like <paramref name="x"/>.</summary>
    public int Axis(Shape x) => AxisList.One(x, _axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(1, DType.I32, DType.I64);
        RequireWithin(c.Shape(0), c.Shape(1), Axis(c.Shape(0)));
        c.Set(0, c.DType(0), c.Shape(1));
    }

    /// <summary>Throws unless the indices have the data's rank and stay within its dimensions, the axis excepted.</summary>
    internal static void RequireWithin(Shape data, Shape indices, int axis)
    {
        bool fits = data.Rank == indices.Rank;
        for (int i = 0; fits && i < data.Rank; i++) fits = i == axis || indices[i] <= data[i];
        if (!fits) throw new OperatorException($"indices {indices} do not fit data {data} along axis {axis}");
    }
}
