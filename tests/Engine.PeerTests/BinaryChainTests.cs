using System.Runtime.Intrinsics;
using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>
/// The binary parts of our trained networks on every test image of Fashion-MNIST: each execution of their layers against the float nodes of the file, run one by one. Signs, the integer sums of every layer and
/// the classes are the same. Both are given what float convolutions make (the stem; the shortcut of a strided block), as their sums depend on the order of additions.
/// A sum of shortcuts that cancels counts as +1 in both, where the file's Sign says 0.
/// </summary>
public sealed class BinaryChainTests
{
    private const int Batch = 250;

    // All of them with the widest vectors; fewer where the float network takes much longer.
    private static readonly int s_images = Vector512.IsHardwareAccelerated ? 10_000 : Vector128.IsHardwareAccelerated ? 1000 : Batch;

    [DataTheory(FashionMnist.Images)]
    [InlineData("fashion-bnn-vgg", 3)]
    [InlineData("fashion-bnn-vgg-mst", 3)]
    [InlineData("fashion-bnn-vgg-mst-signed", 3)]
    [InlineData("fashion-bnn-resnet", 5, 3)]
    public void Sums_signs_and_classes_are_those_of_the_float_network(string name, int layers, params int[] given)
    {
        var floats = Graph(name);
        var binary = Graph(name);
        Model.Create(new ModelDefinition(binary)).Dispose();
        var convs = binary.Nodes.Where(n => n.Op is BinaryConv).ToList();
        Assert.Equal(layers, convs.Count);
        string first = binary.Nodes.First(n => n.Op is BinarySign).Inputs[0]!.Name;
        // What the sign in front of a layer is taken of.
        string[] from = [first, .. given.Select(i => binary.Nodes.Single(n => n.Outputs[0] == convs[i].Inputs[0]).Inputs[0]!.Name)];
        var stem = new ModelGraph("stem");
        stem.Inputs.AddRange(floats.Inputs);
        stem.Outputs.Add(Made(floats, first));
        stem.Nodes = Needed(floats, stem.Outputs, []);

        using var stemSession = new Part(stem, new ModelOptions { OptimizationLevel = 1 });
        using var reference = new Part(Floats(floats, from, convs, out float[] magnitudes), new ModelOptions { OptimizationLevel = 0 });
        var executions = new List<(string Name, Part Part)>();
        foreach (string? stemOf in (string?[])[null, "conv-binary", "conv-binary-fr", "conv-binary-mst"])
        {
            var graph = Graph(name);
            Model.Create(new ModelDefinition(graph)).Dispose();
            var kernels = stemOf is null ? CpuKernels.Standard : new KernelRegistry(CpuKernels.Standard).Prefer<BinaryConv>(c => c.Stem == stemOf);
            executions.Add((stemOf ?? "planned", new Part(Probed(graph, from), new ModelOptions { Kernels = kernels })));
        }
        float[] images = FashionMnist.ReadImages();
        for (int at = 0; at < s_images; at += Batch)
        {
            var x = stemSession.Run(Tensor.From<float>(new Shape(Batch, 1, 28, 28), images.AsSpan(at * FashionMnist.Pixels, Batch * FashionMnist.Pixels)))[0];
            var expected = reference.Run(x);
            RuntimeValue[] inputs = [x, .. expected.Skip(1 + 2 * layers)];
            for (int i = 0; i < layers; i++)
                foreach (ref float v in expected[2 + 2 * i].Span<float>()) v /= magnitudes[i];
            foreach (var (execution, part) in executions)
            {
                var actual = part.Run(inputs);
                for (int i = 1; i < actual.Count; i++)
                    if (!expected[i].Bytes.SequenceEqual(actual[i].Bytes)) Assert.Fail($"{name}, {execution}, images from {at}: {(i % 2 == 1 ? "signs into" : "sums of")} layer {(i - 1) / 2} differ");
                for (int i = 0; i < Batch; i++) Assert.Equal(FashionClassifier.Best(expected[0], i), FashionClassifier.Best(actual[0], i));
            }
        }
        foreach (var (_, part) in executions) part.Dispose();
    }

    private static ModelGraph Graph(string name) => OnnxModelReader.Load(Repository.Model($"{name}/model.onnx")).Graph;

    private static Value Made(ModelGraph graph, string wire) => graph.Nodes.SelectMany(n => n.Outputs).Single(v => v?.Name == wire)!;

    // What some wires are computed by, from others on.
    private static List<Node> Needed(ModelGraph graph, IEnumerable<Value> outputs, List<Value> from)
    {
        var read = new HashSet<Value>(outputs);
        var nodes = new List<Node>();
        foreach (var n in Enumerable.Reverse(graph.Nodes))
            if (n.Outputs.Any(v => v is not null && !from.Contains(v) && read.Contains(v)))
            {
                nodes.Add(n);
                foreach (var v in n.Inputs) if (v is not null) read.Add(v);
            }
        nodes.Reverse();
        return nodes;
    }

    private static ModelGraph Rest(ModelGraph graph, IEnumerable<string> from, IEnumerable<Value> outputs)
    {
        var rest = new ModelGraph("rest");
        foreach (string name in from)
        {
            var wire = Made(graph, name);
            wire.Declared = new DeclaredType.Tensor(DType.F32, null);
            rest.Inputs.Add(wire);
        }
        rest.Outputs.AddRange(outputs);
        rest.Nodes = Needed(graph, outputs, rest.Inputs);
        return rest;
    }

    // Logits, then the signs that each layer reads and its results, which are sums times a power of two; last what the binary graph is given.
    private static ModelGraph Floats(ModelGraph graph, string[] from, List<Node> layers, out float[] magnitudes)
    {
        var convs = layers.ConvertAll(l => graph.Nodes.Single(n => n.Name == l.Name));
        foreach (var n in graph.Nodes.Where(n => n.Op is Sign)) n.Op = new BinarySign(new Attributes(1));
        magnitudes = [.. convs.Select(c => graph.Nodes.Single(n => n.Outputs[0] == c.Inputs[1]).Inputs.Single(v => v!.ConstantTensor is { Shape.Elements: 1 })!.ConstantTensor!.Span<float>()[0])];
        return Rest(graph, from[..1], [graph.Outputs[0], .. convs.SelectMany(c => (Value[])[c.Inputs[0]!, c.Outputs[0]!]), .. from[1..].Select(w => Made(graph, w))]);
    }

    // The same of a binary graph: each layer once more, without scale or threshold.
    private static ModelGraph Probed(ModelGraph graph, string[] from)
    {
        List<Value> outputs = [graph.Outputs[0]];
        foreach (var n in graph.Nodes.Where(n => n.Op is BinaryConv).ToList())
        {
            var sums = new Value($"{n.Name}/sums");
            graph.Nodes.Add(new Node($"{n.Name}/probe", new BinaryConv(n.Op.Attributes), [n.Inputs[0], n.Inputs[1]], [sums]));
            outputs.AddRange([n.Inputs[0]!, sums]);
        }
        return Rest(graph, from, outputs);
    }

    private sealed class Part : IDisposable
    {
        private readonly Model _model;
        private readonly Session _session;
        private readonly RuntimeValue?[] _outputs;

        public Part(ModelGraph graph, ModelOptions options)
        {
            _model = Model.Create(new ModelDefinition(graph), options);
            _session = _model.CreateSession(new SessionOptions { Threads = 1 });
            _outputs = new RuntimeValue?[graph.Outputs.Count];
        }

        public List<Tensor> Run(params ReadOnlySpan<RuntimeValue> inputs)
        {
            _session.Run(inputs, _outputs);
            return [.. _outputs.Cast<Tensor>()];
        }

        public void Dispose()
        {
            _session.Dispose();
            _model.Dispose();
        }
    }
}
