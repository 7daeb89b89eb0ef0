using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// One step of an optimizer of ai.onnx.preview.training. Inputs: learning rate R, update count T, then n tensors X, their n gradients,
/// and n of each state; outputs: the new X and states in the same order.
/// </summary>
public abstract class Optimizer : Operator
{
    private protected Optimizer(Attributes a, int states) : base(a)
    {
        States = states;
        NormCoefficient = a.Float("norm_coefficient", 0);
    }

    /// <inheritdoc/>
    public override string Domain => "ai.onnx.preview.training";

    /// <summary>State tensors of each optimized tensor.</summary>
    public int States { get; }

    /// <summary>Factor of the L2 penalty in the gradient.</summary>
    public float NormCoefficient { get; }

    /// <summary>Tensors optimized, given the number of inputs.</summary>
    public int Tensors(int inputs) => (inputs - 2) / (2 + States);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        int n = Tensors(c.InputCount);
        if (c.InputCount != 2 + n * (2 + States) || n == 0) throw new OperatorException($"{c.InputCount} inputs do not make R, T and groups of {2 + States}");
        c.Require(0, DType.F32, DType.F64);
        c.Require(1, DType.I64);
        if (c.Shape(0).Elements != 1 || c.Shape(1).Elements != 1) throw new OperatorException("R and T must have one element");
        for (int i = 0; i < n * (2 + States); i++)
        {
            c.Require(2 + i, DType.F32, DType.F64);
            c.RequireSame(2, 2 + i);
            if (c.Shape(2 + i) != c.Shape(2 + i % n)) throw new OperatorException($"input {2 + i} has shape {c.Shape(2 + i)}, its tensor {c.Shape(2 + i % n)}");
        }
        for (int i = 0; i < n * (1 + States); i++) c.Set(i, c.In(2 + i % n));
    }
}

/// <summary>Adagrad: gradients over the root of the sum of their squares.</summary>
public sealed class Adagrad(Attributes a) : Optimizer(a, 1)
{
    /// <inheritdoc/>
    public override string Name => "Adagrad";

    /// <summary>Decay of the learning rate an update.</summary>
    public float DecayFactor { get; } = a.Float("decay_factor", 0);

    /// <summary>Added to the divisor.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-6f);
}

/// <summary>Adam: running means of gradients and of their squares.</summary>
public sealed class Adam(Attributes a) : Optimizer(a, 2)
{
    /// <inheritdoc/>
    public override string Name => "Adam";

    /// <summary>Weight of the old mean of gradients.</summary>
    public float Alpha { get; } = a.Float("alpha", 0.9f);

    /// <summary>Weight of the old mean of squares.</summary>
    public float Beta { get; } = a.Float("beta", 0.999f);

    /// <summary>Added to the divisor.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-6f);

    /// <summary>Factor of the L2 penalty on the result.</summary>
    public float NormCoefficientPost { get; } = a.Float("norm_coefficient_post", 0);
}

/// <summary>Gradient descent with momentum, Nesterov's where asked.</summary>
public sealed class Momentum(Attributes a) : Optimizer(a, 1)
{
    /// <inheritdoc/>
    public override string Name => "Momentum";

    /// <summary>Weight of the old momentum.</summary>
    public float Alpha { get; } = a.Float("alpha", 0);

    /// <summary>Weight of the gradient, from the second update on.</summary>
    public float Beta { get; } = a.Float("beta", 1);

    /// <summary>True for Nesterov's form.</summary>
    public bool IsNesterov { get; } = a.String("mode") switch
    {
        "nesterov" => true,
        "standard" => false,
        var m => throw new OperatorException($"mode '{m}' is not standard or nesterov"),
    };
}
