using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// BatchNormalization right after a convolution, all parameters constant, becomes part of it:
/// w'[o] = w[o] · γ[o] / √(σ²[o] + ε), b'[o] = (b[o] − μ[o]) · γ[o] / √(σ²[o] + ε) + β[o].
/// </summary>
public sealed class FoldBatchNorm : Rewrite
{
    /// <inheritdoc/>
    public override string Name => "batch norm folding";

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context)
    {
        var uses = new Uses(graph);
        var producers = new Dictionary<Value, Node>();
        var gone = new HashSet<Node>();
        foreach (var n in graph.Nodes)
        {
            if (n.Op is { Name: "BatchNormalization", Domain: "" } && n.Inputs.Count == 5 && n.Inputs[0] is { } x && producers.TryGetValue(x, out var conv) && uses.Of(x) == 1 && Fold(conv, n, uses)) gone.Add(conv);
            foreach (var v in n.Outputs) if (v is not null) producers[v] = n;
        }
        graph.Nodes = [.. graph.Nodes.Where(n => !gone.Contains(n))];
        return gone.Count;
    }

    // The norm's node becomes the folded convolution.
    private static bool Fold(Node conv, Node norm, Uses uses)
    {
        var a = norm.Op.Attributes;
        bool training = a.Opset < 7 ? !a.Bool("is_test") : a.Opset >= 14 && a.Bool("training_mode");
        if (conv.Op is not { Name: "Conv", Domain: "" } || training || !a.Bool("spatial", true) || norm.Outputs.Count(o => o is not null) != 1 || norm.Outputs[0] is null || conv.Epilogue.Count > 0 || conv.Outputs[0]?.Quantization is not null) return false;
        if (conv.Input(1)?.Constant is not { DType: DType.F32, Shape.Rank: >= 3 } w || w is not Dense && !IsKroneckerSum(w)) return false;
        int channels = w.Shape.Int(0);
        float[]? gamma = Channel(norm.Input(1), channels), beta = Channel(norm.Input(2), channels), mean = Channel(norm.Input(3), channels), variance = Channel(norm.Input(4), channels);
        float[]? bias = conv.Input(2) is { } b ? Channel(b, channels) : new float[channels];
        if (gamma is null || beta is null || mean is null || variance is null || bias is null) return false;

        float epsilon = a.Float("epsilon", 1e-5f);
        var scales = new double[channels];
        var shift = Tensor.Allocate(DType.F32, new Shape(channels));
        for (int c = 0; c < channels; c++)
        {
            scales[c] = gamma[c] / Math.Sqrt((double)variance[c] + epsilon);
            shift.Span<float>()[c] = (float)((bias[c] - (double)mean[c]) * scales[c] + beta[c]);
        }
        norm.Op = conv.Op;
        norm.Inputs = [conv.Inputs[0], Changed(conv.Inputs[1]!, Times(w, scales), uses, $"{conv.Inputs[1]!.Name}/{norm.Name}"), Changed(norm.Inputs[2]!, new Dense(shift), uses, $"{norm.Name}/bias")];
        norm.Outputs = [norm.Outputs[0]];
        return true;
    }

    // Forms that no kernel of convolutions runs as they are.
    private static bool IsKroneckerSum(Weight w) => w is Kronecker || w is WeightSum s && s.Terms.All(t => t is Kronecker);

    private static Weight Times(Weight w, double[] scales)
    {
        if (w is not Dense d) return new Scaled(w, row: Tensor.Vector<float>([.. scales.Select(s => (float)s)]));
        var folded = d.Values.Clone();
        var rows = folded.Span<float>();
        int row = scales.Length == 0 ? 0 : rows.Length / scales.Length;
        for (int c = 0; c < scales.Length; c++)
            foreach (ref float v in rows.Slice(c * row, row)) v = (float)(v * scales[c]);
        return new Dense(folded);
    }

    // What takes the place of a constant that nobody else reads keeps its name, by which descriptions of the graph know it.
    private static Value Changed(Value v, Weight to, Uses uses, string name) => new(uses.Of(v) > 1 ? name : v.Name) { Constant = to };

    private static float[]? Channel(Value? v, int channels) => v?.ConstantTensor is { DType: DType.F32 } t && t.Shape.Rank == 1 && t.Shape[0] == channels ? t.Span<float>().ToArray() : null;
}
