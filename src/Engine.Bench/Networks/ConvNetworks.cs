using Engine.Tensors;

namespace Engine.Bench;

/// <summary>
/// Convolutional classifiers as exporters write them: batch norms folded into convolutions, He weights, one picture of NCHW to 1,000 logits.
/// In 32 bits, or quantized to 8 (<see cref="QdqLayers"/>).
/// </summary>
internal sealed class ConvNetworks
{
    // Ranges of activations end at so many standard deviations.
    private const double Deviations = 4.5;

    private readonly OnnxBuilder _model;
    private readonly NetworkWeights _weights;
    private readonly QdqLayers? _codes;
    // The expected square of every activation, from which ranges follow.
    private readonly Dictionary<string, double> _squares = [];
    private int _layers;

    private ConvNetworks(string name, bool quantized, bool zeroWeights)
    {
        (_model, _weights) = (new OnnxBuilder(name), new NetworkWeights(1, zeroWeights));
        _codes = quantized ? new QdqLayers(_model) : null;
    }

    /// <summary>ResNet of basic blocks (18, 34) or bottlenecks (50 and more); <paramref name="blocks"/> a stage.</summary>
    public static OnnxBuilder ResNet(string name, int[] blocks, bool bottleneck, int size = 224, bool zeroWeights = false, bool quantized = false)
    {
        var n = new ConvNetworks(name, quantized, zeroWeights);
        string x = n.Conv(n.Picture(size), 3, 64, 7, 2);
        x = n.Like(n._model.Node("MaxPool", [x], ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 })), x);
        int channels = 64;
        for (int stage = 0; stage < blocks.Length; stage++)
            for (int b = 0; b < blocks[stage]; b++)
            {
                int c = 64 << stage, wide = bottleneck ? 4 * c : c, stride = b == 0 && stage > 0 ? 2 : 1;
                string y = bottleneck
                    ? n.Conv(n.Conv(n.Conv(x, channels, c, 1), c, c, 3, stride), c, wide, 1, activation: null)
                    : n.Conv(n.Conv(x, channels, c, 3, stride), c, c, 3, activation: null);
                string identity = stride != 1 || channels != wide ? n.Conv(x, channels, wide, 1, stride, activation: null) : x;
                x = n.Sum(y, identity, relu: true);
                channels = wide;
            }
        return n.Classifier(x, channels);
    }

    /// <summary>MobileNetV2, width 1.</summary>
    public static OnnxBuilder MobileNetV2(int size = 224, bool zeroWeights = false, bool quantized = false)
    {
        var n = new ConvNetworks(quantized ? "mobilenetv2-qdq" : "mobilenetv2", quantized, zeroWeights);
        string x = n.Conv(n.Picture(size), 3, 32, 3, 2, activation: "Clip");
        int channels = 32;
        foreach (var (expand, width, repeats, stride) in new[] { (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1) })
            for (int i = 0; i < repeats; i++)
            {
                int s = i == 0 ? stride : 1, wide = channels * expand;
                string y = expand == 1 ? x : n.Conv(x, channels, wide, 1, activation: "Clip");
                y = n.Conv(y, wide, wide, 3, s, group: wide, activation: "Clip");
                y = n.Conv(y, wide, width, 1, activation: null);
                x = s == 1 && channels == width ? n.Sum(x, y, relu: false) : y;
                channels = width;
            }
        return n.Classifier(n.Conv(x, channels, 1280, 1, activation: "Clip"), 1280);
    }

    private string Picture(int size) => Rounded(_model.Input("x", 1, 3, size, size), 1, 3, negative: true);

    private OnnxBuilder Classifier(string x, int channels)
    {
        string mean = _model.Node("GlobalAveragePool", [x]);
        if (_codes is not null) mean = Rounded(mean, _squares[x], 2 * Math.Sqrt(_squares[x]), negative: false);
        x = _model.Node("Flatten", [mean], ("axis", 1L));
        var (w, b) = Parameters("fc", mean, () => _weights.Normal(Math.Sqrt(1.0 / channels), 1000, channels), 1000);
        _model.Node("Gemm", [x, w, b], ("transB", 1L));
        _model.Output(_model.Rename("out"), 1, 1000);
        return _model;
    }

    private string Conv(string x, int from, int to, int k, int stride = 1, int group = 1, string? activation = "Relu")
    {
        long p = k / 2;
        var (w, b) = Parameters($"conv{_layers++}", x, () => _weights.Normal(Math.Sqrt(2.0 * group / (from * k * k)), to, from / group, k, k), to);
        string y = _model.Node("Conv", [x, w, b],
            ("kernel_shape", new long[] { k, k }), ("strides", new long[] { stride, stride }), ("pads", new[] { p, p, p, p }), ("dilations", new long[] { 1, 1 }), ("group", (long)group));
        y = activation switch
        {
            "Relu" => _model.Node("Relu", [y]),
            "Clip" => _model.Node("Clip", [y, _model.Constant("zero", () => NetworkWeights.Scalar(0)), _model.Constant("six", () => NetworkWeights.Scalar(6))]),
            _ => y,
        };
        if (_codes is null) return y;
        // He's weights double the square; a rectifier halves it again.
        double square = 2 * _squares[x], range = Deviations * Math.Sqrt(square);
        return activation switch
        {
            null => Rounded(y, square, range, negative: true),
            "Clip" => Rounded(y, Math.Min(square / 2, 9), 6, negative: false),
            _ => Rounded(y, square / 2, range, negative: false),
        };
    }

    private string Sum(string x, string y, bool relu)
    {
        string sum = _model.Node("Add", [x, y]);
        if (relu) sum = _model.Node("Relu", [sum]);
        if (_codes is null) return sum;
        double square = _squares[x] + _squares[y];
        return Rounded(sum, relu ? 0.75 * square : square, Deviations * Math.Sqrt(square), negative: !relu);
    }

    private (string Weight, string Bias) Parameters(string layer, string x, Func<Tensor> weight, int outputs)
    {
        Tensor Shift() => _weights.Normal(0.02, outputs);
        if (_codes is null) return (_model.Constant($"{layer}.weight", weight), _model.Constant($"{layer}.bias", Shift));
        var (w, scales) = _codes.Weight($"{layer}.weight", weight());
        return (w, _codes.Bias($"{layer}.bias", Shift(), x, scales));
    }

    private string Rounded(string wire, double square, double range, bool negative)
    {
        if (_codes is null) return wire;
        string y = _codes.Activation(wire, range, negative);
        _squares[y] = square;
        return y;
    }

    private string Like(string wire, string other)
    {
        if (_codes is null) return wire;
        string y = _codes.Like(wire, other);
        _squares[y] = _squares[other];
        return y;
    }
}
