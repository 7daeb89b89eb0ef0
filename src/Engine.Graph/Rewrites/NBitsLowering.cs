using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// Operators of com.microsoft on grouped codes become plain ones on a <see cref="Quantized"/> weight, where their operands are constant: the same
/// expression that every other low-bit format is read as. MatMulNBits is a product, A · Wᵀ, and an addition of the bias, and its accuracy_level
/// stays (4 lets activations be rounded to 8 bits); GatherBlockQuantized is a Gather.
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
            if (n.Outputs is not [{ } y, ..] || Weight(n) is not { } w)
            {
                nodes.Add(n);
                continue;
            }
            places++;
            if (n.Op is GatherBlockQuantized gather) nodes.Add(new Node(n.Name, gather.Plain(), [Constant(n.Inputs[0]!, w), n.Input(1)], [y]));
            else AddProduct(n, Constant(n.Inputs[1]!, w), y, nodes);
        }
        graph.Nodes = nodes;
        return places;
    }

    private static Value Constant(Value codes, Quantized w) => new($"{codes.Name}/weight") { Constant = w };

    private static void AddProduct(Node n, Value w, Value y, List<Node> to)
    {
        var product = n.Input(5) is null ? y : new Value($"{y.Name}/product");
        var attributes = new Attributes(1, new Dictionary<string, object> { ["transB"] = 1L }) { InputCount = 2 };
        if (n.Op.Attributes.Int("accuracy_level", 0) is not 0 and var level) attributes = attributes.With("accuracy_level", level);
        to.Add(new Node(n.Name, new FusedMatMul(attributes), [n.Inputs[0], w], [product]));
        if (n.Input(5) is { } bias) to.Add(new Node($"{n.Name}/bias", new Add(Attributes.None), [product, bias], [y]));
    }

    private static Quantized? Weight(Node n)
    {
        try
        {
            return n.Op switch
            {
                MatMulNBits op => Weight(n, op),
                GatherBlockQuantized op => Weight(n, op),
                _ => null,
            };
        }
        catch (EngineException)
        {
            // Left for planning, which reports it where it is really run.
            return null;
        }
    }

    // Checked against the operator's own rule with a single row of A.
    private static Quantized? Weight(Node n, MatMulNBits op)
    {
        if (n.Input(4) is not null || n.Input(1)?.ConstantTensor is not { } codes || n.Input(2)?.ConstantTensor is not { DType: DType.F32 } scales || n.Input(3) is not null and not { Constant: Dense }) return null;
        var zeros = n.Input(3)?.ConstantTensor;
        op.Infer(new InferContext([new TensorType(DType.F32, new Shape(1, op.K)), codes.Type, scales.Type, zeros?.Type], [], 1));
        return op.Weight(codes, scales, zeros);
    }

    // Checked against the operator's own rule with a single index.
    private static Quantized? Weight(Node n, GatherBlockQuantized op)
    {
        if (n.Input(0)?.ConstantTensor is not { } codes || n.Input(2)?.ConstantTensor is not { } scales || n.Input(3) is not null and not { Constant: Dense }) return null;
        var zeros = n.Input(3)?.ConstantTensor;
        op.Infer(new InferContext([codes.Type, new TensorType(DType.I64, Shape.Scalar), scales.Type, zeros?.Type], [], 1));
        return op.Weight(codes, scales, zeros);
    }
}
