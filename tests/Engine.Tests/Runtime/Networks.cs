using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Well-known networks with random weights, batch norms folded, built node by node.</summary>
internal sealed class Networks
{
    private readonly Random _random = new(0);
    private readonly ModelGraph _graph;
    private int _wires;

    private Networks(string name) => _graph = new ModelGraph(name);

    public static ModelGraph MobileNetV2(int size = 224, bool zeroWeights = false)
    {
        var n = new Networks("mobilenetv2") { ZeroWeights = zeroWeights };
        var x = n.Input(1, 3, size, size);
        x = n.Conv(x, 3, 32, 3, 2, activation: "Clip");
        int channels = 32;
        foreach (var (expand, width, repeats, stride) in new[] { (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1) })
            for (int i = 0; i < repeats; i++)
            {
                int s = i == 0 ? stride : 1, e = channels * expand;
                var y = expand == 1 ? x : n.Conv(x, channels, e, 1, activation: "Clip");
                y = n.Conv(y, e, e, 3, s, group: e, activation: "Clip");
                y = n.Conv(y, e, width, 1, activation: null);
                x = s == 1 && channels == width ? n.Op("Add", 13, [x, y]) : y;
                channels = width;
            }
        x = n.Conv(x, channels, 1280, 1, activation: "Clip");
        return n.Classifier(x, 1280);
    }

    public static ModelGraph ResNet50(int size = 224, bool zeroWeights = false)
    {
        var n = new Networks("resnet50") { ZeroWeights = zeroWeights };
        var x = n.Input(1, 3, size, size);
        x = n.Conv(x, 3, 64, 7, 2);
        x = n.Op("MaxPool", 12, [x], new() { ["kernel_shape"] = new long[] { 3, 3 }, ["strides"] = new long[] { 2, 2 }, ["pads"] = new long[] { 1, 1, 1, 1 } });
        int channels = 64;
        int[] blocks = [3, 4, 6, 3];
        for (int stage = 0; stage < 4; stage++)
            for (int b = 0; b < blocks[stage]; b++)
            {
                int c = 64 << stage, s = b == 0 && stage > 0 ? 2 : 1;
                var y = n.Conv(x, channels, c, 1);
                y = n.Conv(y, c, c, 3, s);
                y = n.Conv(y, c, c * 4, 1, activation: null);
                var identity = s != 1 || channels != c * 4 ? n.Conv(x, channels, c * 4, 1, s, activation: null) : x;
                x = n.Op("Relu", 14, [n.Op("Add", 14, [y, identity])]);
                channels = c * 4;
            }
        return n.Classifier(x, channels);
    }

    private bool ZeroWeights { get; init; }

    private Value Input(params long[] dims)
    {
        var v = new Value("x", new DeclaredType.Tensor(DType.F32, [.. dims.Select(d => new Dim(d))]));
        _graph.Inputs.Add(v);
        return v;
    }

    private ModelGraph Classifier(Value x, int channels)
    {
        x = Op("GlobalAveragePool", 1, [x]);
        x = Op("Flatten", 13, [x], new() { ["axis"] = 1L });
        _graph.Outputs.Add(Op("Gemm", 13, [x, Weight(1000, channels), Weight(1000)], new() { ["transB"] = 1L }));
        return _graph;
    }

    private Value Conv(Value x, int from, int to, int k, int stride = 1, int group = 1, string? activation = "Relu")
    {
        long p = k / 2;
        var y = Op("Conv", 11, [x, Weight(to, from / group, k, k), Weight(to)], new()
        {
            ["kernel_shape"] = new long[] { k, k },
            ["strides"] = new long[] { stride, stride },
            ["pads"] = new[] { p, p, p, p },
            ["group"] = (long)group,
        });
        return activation switch
        {
            "Relu" => Op("Relu", 14, [y]),
            "Clip" => Op("Clip", 6, [y], new() { ["min"] = 0f, ["max"] = 6f }),
            _ => y,
        };
    }

    private Value Weight(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        double scale = Math.Sqrt(2.0 / Math.Max(1, t.Shape.Elements / dims[0]));
        if (!ZeroWeights) foreach (ref float v in t.Span<float>()) v = (float)((_random.NextDouble() * 2 - 1) * scale);
        return Value.Of($"w{_wires++}", t);
    }

    private Value Op(string op, int opset, Value[] inputs, Dictionary<string, object>? attributes = null)
    {
        string name = $"{op}{_wires++}";
        var y = new Value(name);
        var o = OperatorRegistry.Standard.Create("", op, new Attributes(opset, attributes) { InputCount = inputs.Length }, name);
        _graph.Nodes.Add(new Node(name, o, inputs, [y]));
        return y;
    }
}
