namespace Engine.Bench;

/// <summary>Convolutional classifiers as exporters write them: batch norms folded into convolutions, He weights, one picture of NCHW to 1,000 logits.</summary>
internal sealed class ConvNetworks
{
    private readonly OnnxWriter _model;
    private readonly NetworkWeights _weights;
    private int _layers;

    private ConvNetworks(string name, bool zeroWeights) => (_model, _weights) = (new OnnxWriter(name), new NetworkWeights(1, zeroWeights));

    /// <summary>ResNet of basic blocks (18, 34) or bottlenecks (50 and more); <paramref name="blocks"/> a stage.</summary>
    public static OnnxWriter ResNet(string name, int[] blocks, bool bottleneck, int size = 224, bool zeroWeights = false)
    {
        var n = new ConvNetworks(name, zeroWeights);
        string x = n.Conv(n._model.Input("x", 1, 3, size, size), 3, 64, 7, 2);
        x = n._model.Node("MaxPool", [x], ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 }));
        int channels = 64;
        for (int stage = 0; stage < blocks.Length; stage++)
            for (int b = 0; b < blocks[stage]; b++)
            {
                int c = 64 << stage, wide = bottleneck ? 4 * c : c, stride = b == 0 && stage > 0 ? 2 : 1;
                string y = bottleneck
                    ? n.Conv(n.Conv(n.Conv(x, channels, c, 1), c, c, 3, stride), c, wide, 1, activation: null)
                    : n.Conv(n.Conv(x, channels, c, 3, stride), c, c, 3, activation: null);
                string identity = stride != 1 || channels != wide ? n.Conv(x, channels, wide, 1, stride, activation: null) : x;
                x = n._model.Node("Relu", [n._model.Node("Add", [y, identity])]);
                channels = wide;
            }
        return n.Classifier(x, channels);
    }

    /// <summary>MobileNetV2, width 1.</summary>
    public static OnnxWriter MobileNetV2(int size = 224, bool zeroWeights = false)
    {
        var n = new ConvNetworks("mobilenetv2", zeroWeights);
        string x = n.Conv(n._model.Input("x", 1, 3, size, size), 3, 32, 3, 2, activation: "Clip");
        int channels = 32;
        foreach (var (expand, width, repeats, stride) in new[] { (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1) })
            for (int i = 0; i < repeats; i++)
            {
                int s = i == 0 ? stride : 1, wide = channels * expand;
                string y = expand == 1 ? x : n.Conv(x, channels, wide, 1, activation: "Clip");
                y = n.Conv(y, wide, wide, 3, s, group: wide, activation: "Clip");
                y = n.Conv(y, wide, width, 1, activation: null);
                x = s == 1 && channels == width ? n._model.Node("Add", [x, y]) : y;
                channels = width;
            }
        return n.Classifier(n.Conv(x, channels, 1280, 1, activation: "Clip"), 1280);
    }

    private OnnxWriter Classifier(string x, int channels)
    {
        x = _model.Node("Flatten", [_model.Node("GlobalAveragePool", [x])], ("axis", 1L));
        _model.Node("Gemm", [x, _model.Constant("fc.weight", () => _weights.Normal(Math.Sqrt(1.0 / channels), 1000, channels)), _model.Constant("fc.bias", () => _weights.Normal(0.02, 1000))], ("transB", 1L));
        _model.Output(_model.Rename("out"), 1, 1000);
        return _model;
    }

    private string Conv(string x, int from, int to, int k, int stride = 1, int group = 1, string? activation = "Relu")
    {
        string layer = $"conv{_layers++}";
        long p = k / 2;
        string w = _model.Constant($"{layer}.weight", () => _weights.Normal(Math.Sqrt(2.0 * group / (from * k * k)), to, from / group, k, k));
        string b = _model.Constant($"{layer}.bias", () => _weights.Normal(0.02, to));
        string y = _model.Node("Conv", [x, w, b],
            ("kernel_shape", new long[] { k, k }), ("strides", new long[] { stride, stride }), ("pads", new[] { p, p, p, p }), ("dilations", new long[] { 1, 1 }), ("group", (long)group));
        return activation switch
        {
            "Relu" => _model.Node("Relu", [y]),
            "Clip" => _model.Node("Clip", [y, _model.Constant("zero", () => NetworkWeights.Scalar(0)), _model.Constant("six", () => NetworkWeights.Scalar(6))]),
            _ => y,
        };
    }
}
