namespace Engine.Bench;

/// <summary>
/// A graph convolution network over skeletons in time, as CoST-GCN is: x [1, 3, T, 25] are the joints of T frames, ten blocks mix joints and then nine frames without padding, the mean over time and joints gives
/// 60 classes. Random weights, one set of edges, half of the published widths.
/// </summary>
internal sealed class SkeletonNetwork
{
    private const int Joints = 25, Taps = 9;

    private readonly OnnxBuilder _model = new("costgcn");
    private readonly NetworkWeights _weights = new(4);

    public static OnnxBuilder Create(int frames = 300)
    {
        var n = new SkeletonNetwork();
        string x = n._model.Input("x", 1, 3, frames, Joints);
        int channels = 3;
        foreach (int wide in (int[])[32, 32, 32, 32, 64, 64, 64, 128, 128, 128]) (x, channels) = (n.Block(x, channels, wide), wide);
        x = n._model.Node("Flatten", [n._model.Node("GlobalAveragePool", [x])]);
        n._model.Node("Gemm", [x, n._model.Constant("classes.weight", () => n._weights.Normal(0.1, channels, 60)), n._model.Constant("classes.bias", () => n._weights.Normal(0.02, 60))]);
        n._model.Output(n._model.Rename("y"), 1, 60);
        return n._model;
    }

    // relu(frames(relu(joints(x))) + x in the middle of the nine frames).
    private string Block(string x, int from, int to)
    {
        string edges = _model.Constant($"edges{_model.Graph.Nodes.Count}", () => _weights.Normal(Math.Sqrt(1.0 / Joints), Joints, Joints));
        string y = _model.Node("Relu", [_model.Node("MatMul", [Conv(x, from, to, 1), edges])]);
        y = Conv(y, to, to, Taps);
        if (from == to)
        {
            string Bound(string name, long v) => _model.Constant(name, () => Tensors.Tensor.Vector<long>(v));
            y = _model.Node("Add", [y, _model.Node("Slice", [x, Bound("crop.begin", Taps / 2), Bound("crop.end", -(Taps / 2)), Bound("crop.axis", 2)])]);
        }
        return _model.Node("Relu", [y]);
    }

    private string Conv(string x, int from, int to, int taps)
    {
        string layer = $"conv{_model.Graph.Nodes.Count}";
        string w = _model.Constant($"{layer}.weight", () => _weights.Normal(Math.Sqrt(1.0 / (from * taps)), to, from, taps, 1));
        return _model.Node("Conv", [x, w, _model.Constant($"{layer}.bias", () => _weights.Normal(0.02, to))], ("kernel_shape", new long[] { taps, 1 }));
    }
}
