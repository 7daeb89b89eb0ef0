using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>A convolution or product whose weights are signs times one magnitude a channel, and the nodes behind it as far as a sign.</summary>
internal sealed class BinaryLayer
{
    private BinaryLayer(Node node, SignWeights weights, float[]? bias) => (Node, Weights, Bias) = (node, weights, bias);

    /// <summary>Conv, Gemm or MatMul.</summary>
    public Node Node { get; }

    /// <summary>Its weights.</summary>
    public SignWeights Weights { get; }

    /// <summary>What is added to a channel's sum times magnitude, or null.</summary>
    public float[]? Bias { get; }

    /// <summary>Output channels.</summary>
    public int Channels => Weights.Magnitudes.Length;

    /// <summary>True where padding makes sums of any parity, not only of that of the number of inputs.</summary>
    public bool IsPadded => Node.Op is Conv { Window: var w } && (w.AutoPad is AutoPad.SameUpper or AutoPad.SameLower || w.Pads is { } p && p.Any(n => n != 0));

    /// <summary>Nodes between the layer and a sign, each read by the next only; a pool may be among them.</summary>
    public List<Node> Steps { get; } = [];

    /// <summary>Index of the pool in <see cref="Steps"/>, −1 without one.</summary>
    public int Pool { get; private set; } = -1;

    /// <summary>The wire of the sign at the end, or null where none comes.</summary>
    public Value? Sign { get; private set; }

    /// <summary>A node that could be a binary layer; null with a reason where its weights do not allow it.</summary>
    public static BinaryLayer? Of(Node n, out string why)
    {
        if (SignWeights.Of(n, out why) is not { } weights) return null;
        if (n.Op is Gemm && n.Op.Attributes.Bool("transA")) why = "its left operand is transposed";
        else if (n.Outputs is not [{ Quantization: null }]) why = "its output lies on a grid";
        else if (n.Epilogue.Count > 0) why = "steps are fused into it";
        else if (n.Input(2) is not { } b) return new(n, weights, null);
        else if (BiasOf(b, n.Op is Gemm g ? g.Beta : 1, weights.Magnitudes.Length) is { } bias) return new(n, weights, bias);
        else why = "its bias is not one f32 constant for each channel";
        return null;
    }

    private static float[]? BiasOf(Value v, float factor, int channels)
    {
        if (v.ConstantTensor is not { DType: DType.F32 } t || t.Shape.Elements != 1 && (t.Shape.Elements != channels || t.Shape[-1] != channels)) return null;
        var values = t.Span<float>().ToArray();
        return [.. Enumerable.Range(0, channels).Select(i => factor * values[values.Length == 1 ? 0 : i])];
    }

    /// <summary>Follows the output through elementwise nodes with constants, batch normalization and at most one max-pool to one of <paramref name="signs"/>.</summary>
    public void Follow(Wiring wiring, IReadOnlyDictionary<Value, SignPattern> signs)
    {
        var v = Node.Outputs[0]!;
        while (!signs.ContainsKey(v))
        {
            if (wiring.Reader(v) is not { Outputs: [{ } next] } n) return;
            if (n.Op is MaxPool && Pool < 0 && Node.Op is Conv) Pool = Steps.Count;
            else if (!IsStep(n, v)) return;
            Steps.Add(n);
            v = next;
        }
        Sign = v;
    }

    /// <summary>
    /// Slopes below 0 of the channels where <paramref name="n"/>, which reads the layer's output, is Relu, LeakyRelu or PRelu, 1 above 0; null where it is another node or the output is no multiple of the sums.
    /// </summary>
    public float[]? Slopes(Node n) => Node.Op is not Conv || Bias is not null || n.Outputs is not [{ Quantization: null }] || n.Epilogue.Count > 0 ? null : n.Op switch
    {
        Relu => new float[Channels],
        LeakyRelu r => [.. Enumerable.Repeat(r.Alpha, Channels)],
        PRelu when n.Inputs[0] == Node.Outputs[0] && n.Inputs[1]!.ConstantTensor is { DType: DType.F32 } t && IsPerChannel(t.Shape) => [.. Enumerable.Range(0, Channels).Select(i => t.Span<float>()[t.Shape.Elements == 1 ? 0 : i])],
        _ => null,
    };

    private bool IsStep(Node n, Value v)
    {
        if (n.Inputs.Count(i => i == v) != 1 || n.Inputs.Any(i => i is not null && i != v && i.Constant is null) || n.Epilogue.Count > 0) return false;
        // Channels of a product of more than two axes are not where a batch normalization looks for them.
        if (n.Op is BatchNormalization { Training: false, Spatial: true }) return n.Inputs[0] == v && (Node.Op is not MatMul || Node.Inputs[0]?.Declared is DeclaredType.Tensor { Dims.Length: 2 });
        return n.Op is { IsElementwise: true, IsRandom: false, Kind: OperatorKind.Static } && n.Inputs.All(i => i is null || i == v || IsPerChannel(i.Constant!.Shape));
    }

    // One element, or one a channel where broadcasting finds the channels.
    private bool IsPerChannel(Shape s)
    {
        if (s.Elements == 1) return true;
        int behind = Node.Op is Conv ? Weights.Signs.Shape.Rank - 1 : 1;
        return s.Elements == Channels && s.Rank >= behind && s[s.Rank - behind] == Channels;
    }
}
