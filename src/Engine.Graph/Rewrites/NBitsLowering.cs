using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// MatMulNBits with constant operands becomes a product with a <see cref="Quantized"/> weight, A · Wᵀ, and an addition of the bias: the
/// same expression that every other low-bit format is read as. Its accuracy_level stays: 4 lets activations be rounded to 8 bits.
/// </summary>
public sealed class NBitsLowering : Rewrite
{
    /// <inheritdoc/>
    public override string Name => "n-bit weights";

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context)
    {
        int places = 0;
        var nodes = new List<Node>(graph.Nodes.Count);
        foreach (var n in graph.Nodes)
        {
            if (n.Op is not MatMulNBits op || Weight(n, op) is not { } w || n.Outputs[0] is not { } y)
            {
                nodes.Add(n);
                continue;
            }
            places++;
            var product = n.Input(5) is null ? y : new Value($"{y.Name}/product");
            var attributes = new Attributes(1, new Dictionary<string, object> { ["transB"] = 1L }) { InputCount = 2 };
            if (op.Attributes.Int("accuracy_level", 0) is not 0 and var level) attributes = attributes.With("accuracy_level", level);
            nodes.Add(new Node(n.Name, new FusedMatMul(attributes), [n.Inputs[0], new Value($"{n.Inputs[1]!.Name}/weight") { Constant = w }], [product]));
            if (n.Input(5) is { } bias) nodes.Add(new Node($"{n.Name}/bias", new Add(Attributes.None), [product, bias], [y]));
        }
        graph.Nodes = nodes;
        return places;
    }

    // Checked against the operator's own rule with a single row of A.
    private static Quantized? Weight(Node n, MatMulNBits op)
    {
        if (n.Input(4) is not null || n.Input(1)?.ConstantTensor is not { } codes || n.Input(2)?.ConstantTensor is not { DType: DType.F32 } scales || n.Input(3) is not null and not { Constant: Dense }) return null;
        var zeros = n.Input(3)?.ConstantTensor;
        try
        {
            op.Infer(new InferContext([new TensorType(DType.F32, new Shape(1, op.K)), codes.Type, scales.Type, zeros?.Type], [], 1));
            return op.Weight(codes, scales, zeros);
        }
        catch (EngineException)
        {
            // Left for planning, which reports it where it is really run.
            return null;
        }
    }
}
