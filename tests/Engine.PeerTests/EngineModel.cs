using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>A model in this engine, as the tests use it.</summary>
internal sealed class EngineModel
{
    private readonly ModelGraph _graph;
    private readonly Interpreter _interpreter = new(CpuKernels.Standard);

    private EngineModel(ModelGraph graph) => _graph = graph;

    public static EngineModel Load(string path) => new(OnnxModelReader.Load(path).Graph);

    public IReadOnlyList<string> OutputNames => [.. _graph.Outputs.Select(o => o.Name)];

    public IReadOnlyList<Tensor> Run(params IReadOnlyList<Tensor> inputs) => [.. _interpreter.Run(_graph, inputs).Cast<Tensor>()];
}
