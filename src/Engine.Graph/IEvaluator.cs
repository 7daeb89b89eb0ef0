using Engine.Tensors;

namespace Engine.Graph;

/// <summary>Computes one node on constants. Rewrites fold through it, so that the graph layer needs no kernels.</summary>
public interface IEvaluator
{
    /// <summary>The outputs of <paramref name="node"/> for the given inputs (null where absent), or null when this node cannot be evaluated.</summary>
    IReadOnlyList<RuntimeValue?>? Evaluate(Node node, IReadOnlyList<Tensor?> inputs);
}
