using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>Draws random numbers: the same every run where a seed is given, else others every run.</summary>
public abstract class RandomOperator : Operator
{
    private readonly long? _dtype;

    private protected RandomOperator(Attributes a, string name) : base(a)
    {
        Name = name;
        // A float attribute; its bits tell more seeds apart than its integer part.
        Seed = a.Has("seed") ? BitConverter.SingleToInt32Bits(a.Float("seed", 0)) : null;
        if (a.Has("dtype")) _dtype = a.Int("dtype");
    }

    /// <inheritdoc/>
    public sealed override string Name { get; }

    /// <summary>The seed, or null for a new one every run.</summary>
    public long? Seed { get; }

    /// <inheritdoc/>
    public sealed override bool IsRandom => true;

    private protected DType DTypeOr(DType fallback, ReadOnlySpan<DType> allowed)
    {
        long t = _dtype ?? (long)fallback;
        return t is >= 0 and <= byte.MaxValue && allowed.Contains((DType)t) ? (DType)t : throw new OperatorException($"cannot draw elements of type {t}");
    }
}

/// <summary>ONNX RandomUniform, RandomNormal and their Like forms: the shape is an attribute or an input's.</summary>
public sealed class RandomFill : RandomOperator
{
    private readonly bool _like;
    private readonly Shape _shape;

    private RandomFill(Attributes a, string name, bool normal, bool like) : base(a, name)
    {
        (Normal, _like) = (normal, like);
        (P0, P1) = normal ? (a.Float("mean", 0), a.Float("scale", 1)) : (a.Float("low", 0), a.Float("high", 1));
        if (!like) _shape = new Shape(a.Ints("shape") ?? throw new OperatorException("attribute 'shape' is missing"));
    }

    /// <summary>True for the normal distribution, false for the uniform one.</summary>
    public bool Normal { get; }

    /// <summary>Mean, or the lower bound.</summary>
    public float P0 { get; }

    /// <summary>Standard deviation, or the upper bound.</summary>
    public float P1 { get; }

    /// <summary>ONNX RandomUniform.</summary>
    public static RandomFill Uniform(Attributes a) => new(a, "RandomUniform", false, false);

    /// <summary>ONNX RandomUniformLike.</summary>
    public static RandomFill UniformLike(Attributes a) => new(a, "RandomUniformLike", false, true);

    /// <summary>ONNX RandomNormal.</summary>
    public static RandomFill NormalOf(Attributes a) => new(a, "RandomNormal", true, false);

    /// <summary>ONNX RandomNormalLike.</summary>
    public static RandomFill NormalLike(Attributes a) => new(a, "RandomNormalLike", true, true);

    /// <inheritdoc/>
    public override void Infer(InferContext c) =>
        c.Set(0, DTypeOr(_like && Types.Float.Contains(c.DType(0)) ? c.DType(0) : DType.F32, Types.Float), _like ? c.Shape(0) : _shape);
}

/// <summary>ONNX Bernoulli: 1 with the probability that the input states, else 0.</summary>
public sealed class Bernoulli(Attributes a) : RandomOperator(a, "Bernoulli")
{
    /// <inheritdoc/>
    public override bool IsElementwise => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, Types.Float);
        c.Set(0, DTypeOr(c.DType(0), [.. Types.Numeric, DType.Bool]), c.Shape(0));
    }
}

/// <summary>ONNX Multinomial: class indices drawn a row by unnormalized log probabilities [batch, classes].</summary>
public sealed class Multinomial(Attributes a) : RandomOperator(a, "Multinomial")
{
    private readonly long _samples = a.Int("sample_size", 1);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, Types.Float);
        c.RequireRank(0, 2);
        if (_samples < 0) throw new OperatorException($"sample_size {_samples} is negative");
        if (c.Shape(0)[1] == 0 && c.Shape(0)[0] != 0 && _samples != 0) throw new OperatorException("there are no classes to draw from");
        c.Set(0, DTypeOr(DType.I32, [DType.I32, DType.I64]), new Shape(c.Shape(0)[0], _samples));
    }
}
