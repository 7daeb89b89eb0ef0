using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>Short reasons why a constant operand in a form of its own is multiplied as if it were dense.</summary>
internal static class UnusedForm
{
    /// <summary>The kernel of the form is there, and another one was chosen.</summary>
    public static string Of(Candidate c, Node node, PlanOptions options) => $"{c.Structure}: " + (
        !c.Exact && !options.AllowInexact ? "rounds activations, which needs consent"
        : node.Epilogue.Count > 0 && !c.FusesEpilogue ? "does not take the steps behind it"
        : "dense estimated faster");

    /// <summary>A mask of channels is multiplied behind a convolution that computes all of them.</summary>
    public static string OfMask(LoweredNode conv) => "mask multiplied: " + (
        conv.Inputs[0]?.Quantization is not null || conv.Outputs[0]?.Quantization is not null ? "filters are gathered between f32 wires only"
        : conv.Node.Op is Conv { Group: > 1 } ? "filters of groups are not gathered"
        : conv.Inputs[1]?.Constant is { } w and not (Dense or Quantized) ? $"filters of {w.Describe()} are not gathered"
        : "others read what is masked, or it is rounded to a grid");

    /// <summary>No kernel offers itself: empty where no operand has such a form.</summary>
    public static string Of(IEnumerable<Value?> operands)
    {
        foreach (var v in operands)
            switch (v?.Constant)
            {
                case SparseNM { Taps: 1, Shape.Rank: > 2 } s when s.Shape.Product(2, s.Shape.Rank) > 1:
                    return $"{s.N}:{s.M} flattened: decoded";
                case SparseNM s:
                    return $"{s.N}:{s.M}: no kernel here, decoded";
                case SparseCsr or SparseBlocks or LowRank or Kronecker or WeightSum:
                    return "no kernel of its form here, decoded";
            }
        return "";
    }
}
