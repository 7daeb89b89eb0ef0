namespace Engine.Bench;

/// <summary>
/// A small network over video as CoX3D is: x [1, 3, T, S, S] are the frames; a stem over space and over five frames, then blocks that widen, filter each channel over three frames and 3 × 3 pixels, and narrow. Space is padded,
/// time is not; the mean over both gives 60 classes. Random weights.
/// </summary>
internal sealed class VideoNetwork
{
    private readonly OnnxBuilder _model = new("cox3d");
    private readonly NetworkWeights _weights = new(5);

    public static OnnxBuilder Create(int frames = 64, int size = 80)
    {
        var n = new VideoNetwork();
        string x = n.Conv(n._model.Input("x", 1, 3, frames, size, size), 3, 24, (1, 3), 2);
        x = n.Relu(n.Conv(x, 24, 24, (5, 1), 1, 24));
        int channels = 24;
        foreach (var (wide, blocks) in ((int, int)[])[(24, 2), (48, 2), (96, 2)])
            for (int i = 0; i < blocks; i++) (x, channels) = (n.Block(x, channels, wide, i == 0 ? 2 : 1), wide);
        // Pixels first: what is left of a frame is one number a channel.
        x = n._model.Node("ReduceMean", [x], ("axes", new long[] { 3, 4 }), ("keepdims", 0L));
        x = n._model.Node("Flatten", [n._model.Node("GlobalAveragePool", [x])]);
        n._model.Node("Gemm", [x, n._model.Constant("classes.weight", () => n._weights.Normal(0.1, channels, 60)), n._model.Constant("classes.bias", () => n._weights.Normal(0.02, 60))]);
        n._model.Output(n._model.Rename("y"), 1, 60);
        return n._model;
    }

    private string Block(string x, int from, int to, int stride)
    {
        int wide = 2 * to;
        string y = Relu(Conv(x, from, wide, (1, 1), 1));
        y = Conv(Relu(Conv(y, wide, wide, (3, 3), stride, wide)), wide, to, (1, 1), 1);
        if (from != to || stride != 1) return y;
        string Bound(string name, long v) => _model.Constant(name, () => Tensors.Tensor.Vector<long>(v));
        return _model.Node("Add", [y, _model.Node("Slice", [x, Bound("crop.begin", 1), Bound("crop.end", -1), Bound("crop.axis", 2)])]);
    }

    private string Relu(string x) => _model.Node("Relu", [x]);

    private string Conv(string x, int from, int to, (int Time, int Space) taps, int stride, int groups = 1)
    {
        string layer = $"conv{_model.Graph.Nodes.Count}";
        int inputs = from / groups, pad = taps.Space / 2;
        string w = _model.Constant($"{layer}.weight", () => _weights.Normal(Math.Sqrt(1.0 / (inputs * taps.Time * taps.Space * taps.Space)), to, inputs, taps.Time, taps.Space, taps.Space));
        return _model.Node("Conv", [x, w, _model.Constant($"{layer}.bias", () => _weights.Normal(0.02, to))], ("kernel_shape", new long[] { taps.Time, taps.Space, taps.Space }), ("strides", new long[] { 1, stride, stride }), ("pads", new long[] { 0, pad, pad, 0, pad, pad }), ("group", (long)groups));
    }
}
