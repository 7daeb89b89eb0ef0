using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>How a scattered element meets the one that is there.</summary>
public enum ScatterReduction
{
    /// <summary>It replaces it; the last one stays.</summary>
    None,
    /// <summary>Their sum.</summary>
    Add,
    /// <summary>Their product.</summary>
    Mul,
    /// <summary>The lesser.</summary>
    Min,
    /// <summary>The greater.</summary>
    Max,
}

/// <summary>ONNX ScatterElements, and Scatter as it was called before opset 11: a copy of the data with elements put where the indices, in place of their own coordinate along the axis, say.</summary>
public sealed class ScatterElements(Attributes a, string name = "ScatterElements") : Operator(a)
{
    private readonly long _axis = a.Int("axis", 0);

    /// <summary>What happens to the element that is there.</summary>
    public ScatterReduction Reduction { get; } = ReadReduction(a);

    /// <inheritdoc/>
    public override string Name => name;

    /// <inheritdoc/>
    public override bool MovesData => Reduction == ScatterReduction.None;

    /// <summary>The axis for data shaped like <paramref name="x"/>.</summary>
    public int Axis(Shape x) => AxisList.One(x, _axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(1, DType.I32, DType.I64);
        c.RequireSame(0, 2);
        GatherElements.RequireWithin(c.Shape(0), c.Shape(1), Axis(c.Shape(0)));
        if (c.Shape(1) != c.Shape(2)) throw new OperatorException($"indices {c.Shape(1)} and updates {c.Shape(2)} differ in shape");
        c.Set(0, c.DType(0), c.Shape(0));
    }

    internal static ScatterReduction ReadReduction(Attributes a) => a.String("reduction", "none") switch
    {
        "none" => ScatterReduction.None,
        "add" => ScatterReduction.Add,
        "mul" => ScatterReduction.Mul,
        "min" => ScatterReduction.Min,
        "max" => ScatterReduction.Max,
        var r => throw new OperatorException($"reduction '{r}' is none of none, add, mul, min, max"),
    };
}
