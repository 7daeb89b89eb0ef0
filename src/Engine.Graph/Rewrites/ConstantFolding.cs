using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// Computes nodes whose inputs are all constant. DequantizeLinear of stored codes stays: it is how a model says that a weight is quantized.
/// </summary>
public sealed class ConstantFolding : Rewrite
{
    /// <inheritdoc/>
    public override string Name => "constant folding";

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context)
    {
        int folded = 0;
        graph.Nodes = [.. graph.Nodes.Where(n => !(Fold(n, context) && ++folded > 0))];
        return folded;
    }

    private static bool Fold(Node n, RewriteContext context)
    {
        if (n.Op.Kind == OperatorKind.Dynamic || n.Op.IsRandom || n.Op.Name == "DequantizeLinear" || n.Outputs.Count == 0 || n.Inputs.Any(v => v is null ? false : v.Constant is not Dense)) return false;
        var values = n.Inputs.Select(v => v?.ConstantTensor).ToArray();
        if (values.Any(v => v is { DType: DType.String })) return false;
        // Nodes that cannot be evaluated are left for planning, which reports them where they are really run.
        try
        {
            var types = new InferContext([.. values.Select(v => v?.Type)], values, n.Outputs.Count);
            n.Op.Infer(types);
            if (types.Missing.Count > 0 || types.Outputs.Any(t => t is { DType: DType.String })) return false;
            double inputs = values.Sum(v => (double)(v?.ByteLength ?? 0));
            if (types.Outputs.Sum(t => (double)(t?.Bytes ?? 0)) > Math.Max(context.MaxFoldedBytes, 4 * inputs)) return false;
            var results = context.Evaluator.Evaluate(n, values);
            if (results is null) return false;
            for (int i = 0; i < n.Outputs.Count; i++)
                if (n.Outputs[i] is not null && results[i] is not Tensor) return false;
            for (int i = 0; i < n.Outputs.Count; i++)
                if (n.Outputs[i] is { } v) v.Constant = new Dense((Tensor)results[i]!);
            return true;
        }
        catch (EngineException)
        {
            return false;
        }
    }
}
