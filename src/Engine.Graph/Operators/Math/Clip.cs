using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Clip: min(max(x, low), high); the bounds are attributes before opset 11, then optional scalar inputs 1 and 2.</summary>
public sealed class Clip(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Clip";

    /// <inheritdoc/>
    public override bool IsElementwise => true;

    /// <summary>True when the bounds are <see cref="Low"/> and <see cref="High"/>.</summary>
    public bool HasBounds { get; } = a.Opset < 11;

    /// <summary>The lower bound where it is an attribute.</summary>
    public float Low { get; } = a.Opset < 11 ? a.Float("min", float.NegativeInfinity) : float.NegativeInfinity;

    /// <summary>The upper bound where it is an attribute.</summary>
    public float High { get; } = a.Opset < 11 ? a.Float("max", float.PositiveInfinity) : float.PositiveInfinity;

    /// <summary>A clip to known bounds, in the form that needs no inputs for them.</summary>
    public static Clip Of(float low, float high) => new(new Attributes(10, new Dictionary<string, object> { ["min"] = low, ["max"] = high }) { InputCount = 1 });

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, Types.Numeric);
        for (int i = 1; i <= 2; i++)
        {
            if (!c.Has(i)) continue;
            if (HasBounds) throw new OperatorException("bounds are attributes before opset 11");
            c.RequireSame(0, i);
            if (c.Shape(i).Elements != 1) throw new OperatorException($"bound {i} has shape {c.Shape(i)}, expected a scalar");
        }
        c.Set(0, c.In(0));
    }
}
