using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Runs one operator on tensors through the registries that ship.</summary>
internal static class OpRunner
{
    public static RuntimeValue?[] Run(string op, int opset, IReadOnlyList<RuntimeValue?> inputs, Dictionary<string, object>? attributes = null, int outputs = 1, string domain = "", Workers? workers = null)
    {
        var a = new Attributes(opset, attributes) { InputCount = inputs.Count, OutputCount = outputs };
        var o = OperatorRegistry.Standard.Create(domain, op, a, op);
        var node = new Node(op, o, [.. inputs.Select((_, i) => new Value($"x{i}"))], [.. Enumerable.Range(0, outputs).Select(i => new Value($"y{i}"))]);
        return [.. new NodeEvaluator(CpuKernels.Standard, workers).Run(node, inputs, default)];
    }

    public static Tensor One(string op, int opset, IReadOnlyList<RuntimeValue?> inputs, Dictionary<string, object>? attributes = null, string domain = "", Workers? workers = null) =>
        (Tensor)Run(op, opset, inputs, attributes, 1, domain, workers)[0]!;
}
