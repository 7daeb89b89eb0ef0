using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>Small models whose plans pack weights in every layout that files hold, and inputs for them.</summary>
internal static class PackedSeeds
{
    public static IReadOnlyDictionary<string, Func<ModelDefinition>> Models { get; } = new Dictionary<string, Func<ModelDefinition>>
    {
        ["convolutions"] = Convolutions,
        ["products"] = Products,
        ["recurrent"] = Recurrent,
        ["codes"] = Codes,
        ["grids"] = Grids,
    };

    public static Dictionary<string, RuntimeValue> Inputs(ModelDefinition model)
    {
        var r = new Random(9);
        return model.Graph.Inputs.ToDictionary(v => v.Name, v =>
        {
            var type = (DeclaredType.Tensor)v.Declared!;
            var x = WeightSamples.Floats(r, [.. type.Dims!.Select(d => d.Value)]);
            return (RuntimeValue)(type.DType == DType.F32 ? x : Narrow(x));
        });
    }

    private static ModelDefinition Convolutions()
    {
        var r = new Random(1);
        var b = new GraphBuilder();
        Value Conv(Value x, int outputs, int channels, int kernel, int group = 1, int pad = 0) => b.Op("Conv", 17,
            [x, b.Constant(WeightSamples.Floats(r, outputs, channels / group, kernel, kernel)), b.Constant(WeightSamples.Floats(r, outputs))],
            new() { ["group"] = (long)group, ["pads"] = new long[] { pad, pad, pad, pad } });
        var v = b.Op("Relu", 14, [Conv(Input(b, "x", DType.F32, 1, 3, 20, 20), 20, 3, 3)]);
        v = Conv(v, 40, 20, 3, pad: 1);
        v = Conv(v, 40, 40, 3, group: 40, pad: 1);
        v = b.Op("Concat", 13, [Conv(v, 33, 40, 1), b.Constant(WeightSamples.Floats(r, 1, 5, 18, 18))], new() { ["axis"] = 1L });
        b.Output(Conv(v, 16, 38, 1));
        b.Output(b.Op("Conv", 17, [Input(b, "s", DType.F32, 1, 1, 200), b.Constant(WeightSamples.Floats(r, 40, 1, 32))], new() { ["strides"] = new long[] { 4 } }));
        return Model(b.Graph);
    }

    private static ModelDefinition Products()
    {
        var r = new Random(2);
        var b = new GraphBuilder();
        b.Output(b.Op("MatMul", 13, [Input(b, "x", DType.F32, 5, 50), b.Constant(WeightSamples.Floats(r, 50, 70))]));
        b.Output(b.Op("MatMul", 13, [Input(b, "y", DType.F32, 3, 5, 20), b.Constant(WeightSamples.Floats(r, 3, 20, 30))]));
        b.Output(b.Op("MatMul", 13, [Input(b, "z", DType.BF16, 5, 33), b.Constant(Narrow(WeightSamples.Floats(r, 33, 40)))]));
        return Model(b.Graph);
    }

    private static ModelDefinition Recurrent()
    {
        var r = new Random(3);
        var b = new GraphBuilder();
        foreach (var (op, gates, input) in new[] { ("LSTM", 4, Input(b, "x", DType.F32, 6, 2, 10)), ("GRU", 3, Input(b, "y", DType.F32, 1, 1, 10)) })
        {
            Value[] outputs = b.Ops(op, 14, [input, b.Constant(WeightSamples.Floats(r, 2, gates * 20, 10)), b.Constant(WeightSamples.Floats(r, 2, gates * 20, 20)), b.Constant(WeightSamples.Floats(r, 2, gates * 40))],
                new() { ["hidden_size"] = 20L, ["direction"] = "bidirectional", ["linear_before_reset"] = 1L }, 1);
            b.Output(outputs[0]);
        }
        return Model(b.Graph);
    }

    private static ModelDefinition Codes()
    {
        var r = new Random(4);
        var b = new GraphBuilder();
        var x = Input(b, "x", DType.F32, 3, 96);
        foreach (int bits in new[] { 2, 3, 4, 8 })
        {
            var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(40 * 96, bits)));
            r.NextBytes(codes.Bytes);
            var w = new Quantized(new Shape(40, 96), bits, codes, Granularity.Group, new Dense(WeightSamples.Floats(r, 40, 3)), axis: 1, group: 32);
            Product(w);
        }
        Product(new LowRank(new Shape(40, 96), new Dense(WeightSamples.Floats(r, 8, 40)), new Dense(WeightSamples.Floats(r, 8, 96))));
        return Model(b.Graph);

        void Product(Weight w)
        {
            var y = new Value($"y{b.Graph.Nodes.Count}");
            b.Graph.Nodes.Add(new Node($"product{b.Graph.Nodes.Count}", new FusedMatMul(new Attributes(1, new Dictionary<string, object> { ["transB"] = 1L }) { InputCount = 2 }), [x, new Value($"w{b.Graph.Nodes.Count}") { Constant = w }], [y]));
            b.Output(y);
        }
    }

    private static ModelDefinition Grids()
    {
        var q = new QdqGraph(5);
        var x = q.Pair(q.Input(1, 8, 9, 9), 0.02f, 128);
        var v = q.Pair(q.Node("Conv", [x, q.Weight(0, 0.01f, 24, 8, 3, 3), q.Bias(24, 0.0002f)], new() { ["pads"] = new long[] { 1, 1, 1, 1 } }), 0.5f, 120);
        v = q.Pair(q.Node("Conv", [v, q.Weight(0, 0.01f, 24, 1, 3, 3)], new() { ["group"] = 24L }), 0.5f, 130);
        v = q.Pair(q.Node("Flatten", [v]), 0.5f, 130);
        q.Graph.Outputs.Add(q.Pair(q.Node("MatMul", [v, q.Weight(1, 0.01f, 24 * 49, 30)]), 8f, 128));
        return Model(q.Graph);
    }

    private static ModelDefinition Model(ModelGraph g) => new(g) { Opsets = new Dictionary<string, int> { [""] = 17, ["com.microsoft"] = 1 } };

    private static Value Input(GraphBuilder b, string name, DType type, params long[] dims)
    {
        var v = new Value(name, new DeclaredType.Tensor(type, [.. dims.Select(d => new Dim(d))]));
        b.Graph.Inputs.Add(v);
        return v;
    }

    private static Tensor Narrow(Tensor x)
    {
        var y = Tensor.Allocate(DType.BF16, x.Shape);
        for (int i = 0; i < x.Shape.Count; i++) y.Span<BFloat16>()[i] = (BFloat16)x.Span<float>()[i];
        return y;
    }
}
