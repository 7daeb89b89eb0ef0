using Engine.Tensors;

namespace Engine.Bench;

/// <summary>What the layers of a generated network compute with.</summary>
internal enum LayerForm
{
    /// <summary>f32.</summary>
    Numbers,
    /// <summary>8-bit codes (<see cref="QdqLayers"/>).</summary>
    Codes,
    /// <summary>Signs times signs in layers that may be binary, f32 in the others.</summary>
    Signs,
}

/// <summary>
/// Layers of convolutional classifiers as exporters write them: batch norms folded into convolutions, He weights, one picture of NCHW to logits.
/// In 32 bits, quantized to 8 or, where <see cref="Binary"/> makes them, with signs.
/// </summary>
internal sealed class ConvLayers
{
    // Ranges of activations end at so many standard deviations.
    private const double Deviations = 4.5;

    private readonly OnnxBuilder _model;
    private readonly NetworkWeights _weights;
    private readonly QdqLayers? _codes;
    private readonly LayerForm _form;
    // The expected square of every activation, from which ranges follow.
    private readonly Dictionary<string, double> _squares = [];
    private int _layers;

    public ConvLayers(string name, LayerForm form, bool zeroWeights = false)
    {
        (_model, _weights, _form) = (new OnnxBuilder(name), new NetworkWeights(1, zeroWeights), form);
        _codes = form == LayerForm.Codes ? new QdqLayers(_model) : null;
    }

    /// <summary>The input x[1, 3, size, size].</summary>
    public string Picture(int size) => Rounded(_model.Input("x", 1, 3, size, size), 1, 3, negative: true);

    /// <summary>Global average, then a product to the output.</summary>
    public OnnxBuilder Classifier(string x, int channels, int classes = 1000)
    {
        string mean = _model.Node("GlobalAveragePool", [x]);
        if (_codes is not null) mean = Rounded(mean, _squares[x], 2 * Math.Sqrt(_squares[x]), negative: false);
        return Product(mean, channels, classes);
    }

    /// <summary>A product of all of <paramref name="x"/> to the output.</summary>
    public OnnxBuilder Product(string x, int from, int classes)
    {
        string flat = _model.Node("Flatten", [x], ("axis", 1L));
        var (w, b) = Parameters("fc", x, () => _weights.Normal(Math.Sqrt(1.0 / from), classes, from), classes);
        _model.Node("Gemm", [flat, w, b], ("transB", 1L));
        _model.Output(_model.Rename("out"), 1, classes);
        return _model;
    }

    /// <summary>The largest of k × k, padded by <paramref name="pad"/>.</summary>
    public string MaxPool(string x, int k, int stride, int pad) =>
        Like(_model.Node("MaxPool", [x], ("kernel_shape", new long[] { k, k }), ("strides", new long[] { stride, stride }), ("pads", new long[] { pad, pad, pad, pad })), x);

    /// <summary>The mean of 2 × 2.</summary>
    public string Halved(string x) => Like(_model.Node("AveragePool", [x], ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 })), x);

    /// <summary>max(x, 0).</summary>
    public string Relu(string x) => Like(_model.Node("Relu", [x]), x);

    /// <summary>A k × k convolution of the same padding all round, bias and activation.</summary>
    public string Conv(string x, int from, int to, int k, int stride = 1, int group = 1, string? activation = "Relu")
    {
        long p = k / 2;
        var (w, b) = Parameters($"conv{_layers++}", x, () => _weights.Normal(Math.Sqrt(2.0 * group / (from * k * k)), to, from / group, k, k), to);
        string y = Convolved([x, w, b], k, stride, group);
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

    /// <summary>
    /// With signs: Sign, a 3 × 3 convolution by ±1, then a <paramref name="pool"/> of 2 × 2 and Relu where they are wanted, and batch normalization, which stays apart. Otherwise a convolution, Relu where it is
    /// wanted or where no sum is to follow (<paramref name="summed"/>), and the pool.
    /// </summary>
    public string Binary(string x, int from, int to, int stride = 1, bool relu = false, bool pool = false, bool summed = true)
    {
        if (_form != LayerForm.Signs)
        {
            string z = Conv(x, from, to, 3, stride, activation: relu || !summed ? "Relu" : null);
            return pool ? MaxPool(z, 2, 2, 0) : z;
        }
        string layer = $"conv{_layers++}", w = _model.Constant($"{layer}.weight", () => _weights.Signs(to, from, 3, 3));
        string y = Convolved([_model.Node("Sign", [x]), w], 3, stride, 1);
        if (pool) y = MaxPool(y, 2, 2, 0);
        if (relu) y = _model.Node("Relu", [y]);
        string Vector(string name, Func<Tensor> values) => _model.Constant($"{layer}.{name}", values);
        return _model.Node("BatchNormalization",
        [
            y, Vector("gamma", () => _weights.Normal(1, to)), Vector("beta", () => _weights.Normal(0.3, to)), Vector("mean", () => _weights.Normal(1, to)), Vector("variance", () => NetworkWeights.Filled(9 * from, to)),
        ]);
    }

    /// <summary>A depthwise convolution by the binomial window [1, 2, 1]² / 16 with stride 2.</summary>
    public string Blur(string x, int channels)
    {
        Tensor Values()
        {
            var t = Tensor.Allocate(DType.F32, new Shape(channels, 1, 3, 3));
            for (int i = 0; i < t.Shape.Count; i++) t.Span<float>()[i] = (i % 3 == 1 ? 2 : 1) * (i / 3 % 3 == 1 ? 2 : 1) / 16f;
            return t;
        }
        string w = $"blur{channels}";
        return Like(Convolved([x, _codes is null ? _model.Constant(w, Values) : _codes.Weight(w, Values()).Wire], 3, 2, channels), x);
    }

    /// <summary>x + y.</summary>
    public string Sum(string x, string y, bool relu)
    {
        string sum = _model.Node("Add", [x, y]);
        if (relu) sum = _model.Node("Relu", [sum]);
        if (_codes is null) return sum;
        double square = _squares[x] + _squares[y];
        return Rounded(sum, relu ? 0.75 * square : square, Deviations * Math.Sqrt(square), negative: !relu);
    }

    private string Convolved(string[] inputs, int k, int stride, int group)
    {
        long p = k / 2;
        return _model.Node("Conv", inputs,
            ("kernel_shape", new long[] { k, k }), ("strides", new long[] { stride, stride }), ("pads", new[] { p, p, p, p }), ("dilations", new long[] { 1, 1 }), ("group", (long)group));
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
