using Engine.Formats;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>A small network with every kind of elastic dimension, in random weights: what sub-networks are cut from in tests.</summary>
internal static class ElasticNetwork
{
    /// <summary>x [N, 3, 12, 12] → y [N, 10]. Batch norms, a depthwise convolution, residual blocks, a concatenation, a Reshape with numbers of channels, a Gemm.</summary>
    public static ModelDefinition Create(int seed, bool quantized = false)
    {
        var g = new ModelGraph("elastic");
        var random = new Random(seed);
        var x = new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(-1, "N"), new Dim(3), new Dim(12), new Dim(12)]));
        g.Inputs.Add(x);

        Tensor Random(params long[] dims)
        {
            var t = Tensor.Allocate(DType.F32, new Shape(dims));
            long fan = Math.Max(1, t.Shape.Elements / dims[0]);
            foreach (ref float v in t.Span<float>()) v = (float)((random.NextDouble() - 0.5) * 2 / Math.Sqrt(fan));
            return t;
        }

        Value Constant(string name, Tensor t) => Value.Of(name, t);
        Value Node(string op, string name, Dictionary<string, object>? attributes, params Value?[] inputs)
        {
            var y = new Value(name);
            var o = OperatorRegistry.Standard.Create("", op, new Attributes(13, attributes) { InputCount = inputs.Length }, name);
            g.Nodes.Add(new Node(name, o, inputs, [y]));
            return y;
        }

        // Codes of 8 bits with a scale an output channel.
        Value Weight(string name, params long[] dims)
        {
            var w = Random(dims);
            if (!quantized) return Constant(name, w);
            int rows = (int)dims[0], columns = (int)(w.Shape.Elements / rows);
            var codes = Tensor.Allocate(DType.I8, w.Shape);
            var scales = Tensor.Allocate(DType.F32, new Shape(rows));
            for (int r = 0; r < rows; r++)
            {
                float scale = scales.Span<float>()[r] = (float)(0.002 + 0.002 * random.NextDouble());
                for (int i = 0; i < columns; i++) codes.Span<sbyte>()[r * columns + i] = (sbyte)Math.Clamp(MathF.Round(w.Span<float>()[r * columns + i] / scale), -127, 127);
            }
            return Node("DequantizeLinear", name + "/dense", new() { ["axis"] = 0L }, Constant(name, codes), Constant(name + "/scale", scales));
        }

        Value Grid(Value v) => !quantized ? v
            : Node("DequantizeLinear", v.Name + "/rounded", null, Node("QuantizeLinear", v.Name + "/codes", null, v, Constant(v.Name + "/step", Tensor.Scalar(0.02f)), Constant(v.Name + "/zero", Tensor.Scalar((byte)100))), Constant(v.Name + "/step2", Tensor.Scalar(0.02f)), Constant(v.Name + "/zero2", Tensor.Scalar((byte)100)));

        Value Conv(string name, Value input, long m, long c, long k, long group = 1) => Node("Conv", name, new() { ["kernel_shape"] = new[] { k, k }, ["pads"] = new[] { k / 2, k / 2, k / 2, k / 2 }, ["group"] = group },
            input, Weight(name + ".w", m, c, k, k), Constant(name + ".b", Random(m)));
        Value Norm(string name, Value input, long c)
        {
            var variance = Random(c);
            foreach (ref float v in variance.Span<float>()) v = 1 + MathF.Abs(v);
            return Node("BatchNormalization", name, null, input, Constant(name + ".scale", Random(c)), Constant(name + ".shift", Random(c)), Constant(name + ".mean", Random(c)), Constant(name + ".var", variance));
        }

        Value Relu(string name, Value input) => Grid(Node("Relu", name, null, input));
        var h = Conv("stem", Grid(x), 48, 3, 7);
        h = Relu("stem.relu", quantized ? h : Norm("stem.norm", h, 48));
        h = Relu("spread.relu", Conv("spread", h, 48, 1, 3, group: 48));
        h = Relu("widen.relu", Conv("widen", h, 64, 48, 1));
        for (int i = 0; i < 2; i++) h = Relu($"block{i}.relu", Node("Add", $"block{i}.sum", null, h, Grid(Conv($"block{i}", h, 64, 64, 3))));
        var both = Node("Concat", "both", new() { ["axis"] = 1L }, Relu("left.relu", Conv("left", h, 32, 64, 1)), Relu("right.relu", Conv("right", h, 48, 64, 3)));
        h = Relu("mix.relu", Conv("mix", both, 32, 80, 1));
        h = Node("MaxPool", "pool", new() { ["kernel_shape"] = new[] { 4L, 4L }, ["strides"] = new[] { 4L, 4L } }, h);
        h = Node("Reshape", "flat", null, h, Constant("flat.shape", Tensor.Vector<long>(-1, 32 * 9)));
        g.Outputs.Add(Node("Gemm", "y", new() { ["transB"] = 1L }, h, Constant("head.w", Random(10, 32 * 9)), Constant("head.b", Random(10))));
        return new(g) { Metadata = new Dictionary<string, string> { [ElasticDimensions.Key] = ElasticJson.Write(Description(quantized)) }, Opsets = new Dictionary<string, int> { [""] = 13 } };
    }

    private static ElasticDimensions Description(bool quantized)
    {
        ElasticCut[] Row(string conv) => [new(conv + ".w", 0), new(conv + ".b", 0), .. quantized ? [new(conv + ".w/scale", 0)] : Array.Empty<ElasticCut>()];
        ElasticCut[] Column(string conv, int per = 1, int offset = 0) => [new(conv + ".w", 1, per, offset)];
        ElasticCut[] norm = quantized ? [] : [.. ((string[])["scale", "shift", "mean", "var"]).Select(p => new ElasticCut("stem.norm." + p, 0))];
        float[] matrix = [.. TestData.Floats(25 * 25, 3).Select((v, i) => (i % 26 == 0 ? 1 : 0) + v / 50)];
        string Wire(string relu) => quantized ? relu + "/rounded" : relu;
        return new(
            [
                new("stem", [16, 32, 48], [.. Row("stem"), .. norm, .. Row("spread"), .. Column("widen")], []),
                new("body", [16, 48, 64], [.. Row("widen"), .. Row("block0"), .. Column("block0"), .. Row("block1"), .. Column("block1"), .. Column("left"), .. Column("right")], []) { Losses = [2, 1, 0] },
                new("left", [16, 32], [.. Row("left"), .. Column("mix")], []),
                new("right", [16, 32, 48], [.. Row("right"), .. Column("mix", 1, 32)], []),
                new("mix", [16, 32], [.. Row("mix"), new("head.w", 1, 9)], [new("flat.shape", 1, 9)]),
            ],
            [new("body", [0, 1, 2], [new(Wire("widen.relu"), Wire("block0.relu")), new(Wire("block0.relu"), Wire("block1.relu"))])],
            quantized ? [] : [new("stem", [3, 5, 7], "stem.w", [new(7, 5, matrix)])]);
    }
}
