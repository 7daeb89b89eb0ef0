using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft activations: y = f(x + bias) for x of any shape and an optional bias over its last axis, or an optional bias and skip.
/// </summary>
public abstract class BiasedActivation(Attributes a, bool needsBias, bool takesBias) : Operator(a)
{
    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <inheritdoc/>
    public override bool IsElementwise => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        var x = c.Shape(0);
        if (needsBias || takesBias && c.Has(1))
        {
            c.RequireSame(0, 1);
            if (c.Shape(1).Rank != 1 || x.Rank == 0 || c.Shape(1)[0] != x[-1]) throw new OperatorException($"bias {c.Shape(1)} does not fit the last axis of {x}");
        }
        c.Set(0, c.In(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(20 * c.OutputElements, c.TotalBytes);
}

/// <summary>com.microsoft Gelu: ½ · x · (1 + erf(x / √2)).</summary>
public sealed class MicrosoftGelu(Attributes a) : BiasedActivation(a, false, false)
{
    /// <inheritdoc/>
    public override string Name => "Gelu";
}

/// <summary>com.microsoft BiasGelu(x, bias): Gelu of x + bias.</summary>
public sealed class BiasGelu(Attributes a) : BiasedActivation(a, true, true)
{
    /// <inheritdoc/>
    public override string Name => "BiasGelu";
}

/// <summary>com.microsoft FastGelu(x, bias?): ½ · v · (1 + tanh(√(2/π) · (v + 0.044715 · v³))) with v = x + bias.</summary>
public sealed class FastGelu(Attributes a) : BiasedActivation(a, false, true)
{
    /// <inheritdoc/>
    public override string Name => "FastGelu";
}

/// <summary>com.microsoft QuickGelu: x · sigmoid(<c>alpha</c> · x).</summary>
public sealed class QuickGelu(Attributes a) : BiasedActivation(a, false, false)
{
    /// <inheritdoc/>
    public override string Name => "QuickGelu";

    /// <summary>Steepness.</summary>
    public float Alpha { get; } = a.Float("alpha", 1.702f);
}

/// <summary>com.microsoft BiasAdd(x, bias, skip): x + bias + skip; bias lies over the last axis, skip has x's shape.</summary>
public sealed class BiasAdd(Attributes a) : BiasedActivation(a, true, true)
{
    /// <inheritdoc/>
    public override string Name => "BiasAdd";

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        base.Infer(c);
        c.RequireSame(0, 2);
        if (c.Shape(2) != c.Shape(0)) throw new OperatorException($"skip {c.Shape(2)} has another shape than {c.Shape(0)}");
    }
}
