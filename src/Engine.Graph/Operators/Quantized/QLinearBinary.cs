using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft operators over (a, a_scale, a_zero?, b, b_scale, b_zero?, y_scale, y_zero?): 8-bit codes of one type, broadcast,
/// each with a grid of its own.
/// </summary>
public abstract class QLinearBinary(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        QuantRules.CodesWithGrid(c, 0, 1, 2);
        QuantRules.CodesWithGrid(c, 3, 4, 5);
        QuantRules.Grid(c, 6, 7, c.DType(0));
        c.RequireSame(0, 3);
        c.Set(0, c.DType(0), Shape.Broadcast(c.Shape(0), c.Shape(3)));
    }
}

/// <summary>com.microsoft QLinearAdd: a + b.</summary>
public sealed class QLinearAdd(Attributes a) : QLinearBinary(a)
{
    /// <inheritdoc/>
    public override string Name => "QLinearAdd";
}

/// <summary>com.microsoft QLinearMul: a · b.</summary>
public sealed class QLinearMul(Attributes a) : QLinearBinary(a)
{
    /// <inheritdoc/>
    public override string Name => "QLinearMul";
}

/// <summary>
/// com.microsoft QLinearWhere(condition, x, x_scale, x_zero, y, y_scale, y_zero, z_scale, z_zero): codes of x where the condition holds,
/// else of y, on the grid of z; all three broadcast.
/// </summary>
public sealed class QLinearWhere(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "QLinearWhere";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.Bool);
        QuantRules.CodesWithGrid(c, 1, 2, 3);
        QuantRules.CodesWithGrid(c, 4, 5, 6);
        QuantRules.Grid(c, 7, 8, c.DType(1));
        c.RequireSame(1, 4);
        c.Set(0, c.DType(1), Shape.Broadcast(c.Shape(0), Shape.Broadcast(c.Shape(1), c.Shape(4))));
    }
}

/// <summary>com.microsoft QLinearConcat(y_scale, y_zero, (x, x_scale, x_zero)…): codes brought to one grid and joined along <c>axis</c>.</summary>
public sealed class QLinearConcat(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis");

    /// <inheritdoc/>
    public override string Name => "QLinearConcat";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>The axis.</summary>
    public int Axis(Shape x) => x.Axis(_axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (c.InputCount < 5 || (c.InputCount - 2) % 3 != 0) throw new OperatorException($"{c.InputCount} inputs are no output grid and triples of tensor, scale and zero point");
        var type = c.DType(1);
        QuantRules.Grid(c, 0, 1, type);
        var shape = c.Shape(2);
        if (shape.Rank == 0) throw new OperatorException("scalars cannot be joined");
        int axis = Axis(shape);
        long sum = 0;
        for (int i = 2; i < c.InputCount; i += 3)
        {
            QuantRules.CodesWithGrid(c, i, i + 1, i + 2);
            c.Require(i, type);
            if (c.Shape(i).Rank != shape.Rank || c.Shape(i).With(axis, 0) != shape.With(axis, 0)) throw new OperatorException($"shapes {shape} and {c.Shape(i)} cannot be joined along axis {axis}");
            sum = Checked.Add(sum, c.Shape(i)[axis]);
        }
        c.Set(0, type, shape.With(axis, sum));
    }
}
