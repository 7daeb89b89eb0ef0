namespace Engine.Bench;

/// <summary>
/// The three networks of StreamiNNC over windows of sensor signals: heart rate from a photoplethysmogram, seizures from an electroencephalogram and from a wrist accelerometer, with random weights.
/// x is [1, channels, window], y a window's result.
/// </summary>
internal sealed class SensorNetworks
{
    private readonly OnnxBuilder _model;
    private readonly NetworkWeights _weights = new(3);

    private SensorNetworks(string name) => _model = new(name);

    /// <summary>Heart rate: nine causal convolutions of 5 taps two apart in three blocks, each averaged over time, attention of 4 heads over what is left of the window, a dense layer.</summary>
    /// <param name="window">Samples of a window.</param>
    /// <param name="past">Samples before it that the convolutions see too.</param>
    /// <param name="features">True for the frames that the head sees as results.</param>
    public static OnnxBuilder Ppg(int window = 256, int past = 0, bool features = false)
    {
        var n = new SensorNetworks("ppg");
        string x = n._model.Input("x", 1, 1, window + past);
        int channels = 1, frames = window, before = past;
        foreach (var (wide, pool) in ((int, int)[])[(32, 4), (48, 2), (64, 2)])
        {
            for (int i = 0; i < 3; i++) (x, channels) = (n.Relu(n.Conv(x, channels, wide, 5, dilation: 2, begin: 8, end: 0)), wide);
            x = n._model.Node("AveragePool", [x], ("kernel_shape", new long[] { pool }), ("strides", new long[] { pool }));
            (frames, before) = (frames / pool, before / pool);
        }
        if (before > 0) x = n._model.Node("Slice", [x, n._model.Constant("past", () => Tensors.Tensor.Vector<long>(before)), n._model.Constant("end", () => Tensors.Tensor.Vector<long>(before + frames)), n._model.Constant("time", () => Tensors.Tensor.Vector<long>(2))]);
        if (features) return n.Frames(x, channels, frames);
        string t = n._model.Node("Transpose", [x], ("perm", new long[] { 0, 2, 1 }));
        t = n._model.Node("Add", [t, n.Attention(t, frames, channels, 4)]);
        n.Dense(n._model.Node("Flatten", [t]), frames * channels, 1);
        return n.Finish(1, 1);
    }

    /// <summary>Seizures in 22 channels of an electroencephalogram: three convolutions of 3 taps, each with a maximum over 4, then one of 16 taps and one of 1.</summary>
    public static OnnxBuilder Eeg(int window = 1024, bool features = false)
    {
        var n = new SensorNetworks("eeg");
        string x = n._model.Input("x", 1, 22, window);
        int channels = 22;
        for (int i = 0; i < 3; i++)
        {
            x = n.Relu(n.Conv(x, channels, 128, 3, begin: 1, end: 1));
            x = n._model.Node("MaxPool", [x], ("kernel_shape", new long[] { 4 }), ("strides", new long[] { 4 }));
            channels = 128;
        }
        if (features) return n.Frames(x, channels, window / 64);
        x = n.Relu(n.Conv(x, 128, 100, 16));
        n.Conv(x, 100, 2, 1);
        return n.Finish(1, 2, window / 64 - 15);
    }

    /// <summary>Seizures in three axes of an accelerometer: six convolutions of 3 taps of 8 to 256 channels, the mean over time, four dense layers.</summary>
    public static OnnxBuilder Accelerometer(int window = 960, bool features = false)
    {
        var n = new SensorNetworks("accelerometer");
        string x = n._model.Input("x", 1, 3, window);
        int channels = 3;
        foreach (int wide in (int[])[8, 16, 32, 64, 128, 256]) (x, channels) = (n.Relu(n.Conv(x, channels, wide, 3, begin: 1, end: 1)), wide);
        x = n._model.Node("Flatten", [n._model.Node("GlobalAveragePool", [x])]);
        if (features) return n.Finish(1, channels);
        foreach (int wide in (int[])[256, 128, 64]) (x, channels) = (n.Relu(n.Dense(x, channels, wide)), wide);
        n.Dense(x, channels, 2);
        return n.Finish(1, 2);
    }

    // A product with ones on the diagonal, which takes the frames of a window as a whole.
    private OnnxBuilder Frames(string x, int channels, int frames)
    {
        _model.Node("MatMul", [x, _model.Constant("same", () =>
        {
            var same = NetworkWeights.Filled(0, frames, frames);
            for (int i = 0; i < frames; i++) same.Span<float>()[i * (frames + 1)] = 1;
            return same;
        })]);
        return Finish(1, channels, frames);
    }

    private OnnxBuilder Finish(params long[] dims)
    {
        _model.Output(_model.Rename("y"), dims);
        return _model;
    }

    private string Conv(string x, int from, int to, int taps, int dilation = 1, int begin = 0, int end = 0)
    {
        string layer = $"conv{_model.Graph.Nodes.Count}";
        string w = _model.Constant($"{layer}.weight", () => _weights.Normal(Math.Sqrt(2.0 / (from * taps)), to, from, taps));
        return _model.Node("Conv", [x, w, _model.Constant($"{layer}.bias", () => _weights.Normal(0.02, to))], ("kernel_shape", new long[] { taps }), ("dilations", new long[] { dilation }), ("pads", new long[] { begin, end }));
    }

    private string Relu(string x) => _model.Node("Relu", [x]);

    private string Dense(string x, int from, int to)
    {
        string layer = $"dense{_model.Graph.Nodes.Count}";
        return _model.Node("Gemm", [x, _model.Constant($"{layer}.weight", () => _weights.Normal(Math.Sqrt(1.0 / from), from, to)), _model.Constant($"{layer}.bias", () => _weights.Normal(0.02, to))]);
    }

    private string Attention(string t, int frames, int wide, int heads)
    {
        string Heads(string part, params long[] order)
        {
            string w = _model.Constant($"{part}.weight", () => _weights.Normal(Math.Sqrt(1.0 / wide), wide, wide));
            string split = _model.Constant("split.shape", () => Tensors.Tensor.Vector<long>(1, frames, heads, wide / heads));
            return _model.Node("Transpose", [_model.Node("Reshape", [_model.Node("MatMul", [t, w]), split])], ("perm", order));
        }
        string q = Heads("query", 0, 2, 1, 3), k = Heads("key", 0, 2, 3, 1), v = Heads("value", 0, 2, 1, 3);
        string scores = _model.Node("Mul", [_model.Node("MatMul", [q, k]), _model.Constant("scale", () => NetworkWeights.Scalar(1 / MathF.Sqrt(wide / heads)))]);
        string mixed = _model.Node("Transpose", [_model.Node("MatMul", [_model.Node("Softmax", [scores], ("axis", -1L)), v])], ("perm", new long[] { 0, 2, 1, 3 }));
        return _model.Node("Reshape", [mixed, _model.Constant("joined.shape", () => Tensors.Tensor.Vector<long>(1, frames, wide))]);
    }
}
