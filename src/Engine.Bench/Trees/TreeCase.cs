using Engine.Cli;
using Engine.Compression;
using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>A layer of signs and the tree over its channels.</summary>
/// <param name="Layer">Its name, or its shape.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Signs">Its weight.</param>
/// <param name="Tree">The weight as a tree, up to the sign of channels.</param>
/// <param name="ToBits">True where it leaves signs, false where it leaves f32.</param>
internal sealed record TreeCase(string Layer, ConvShape Shape, Binary Signs, BinaryTree Tree, bool ToBits)
{
    public double MeanDifference => Tree.Differences / ((Signs.Rows - 1.0) * Signs.Columns);

    /// <summary>Products of signs for an output pixel over those along the tree.</summary>
    public double Operations => (double)Signs.Rows * Signs.Columns / (Signs.Columns + Tree.Differences);

    /// <summary>A layer whose channels differ from an earlier one in so many percent of their inputs.</summary>
    public static TreeCase Synthetic(int[] dims, int percent)
    {
        var shape = SlicedCases.Shape(dims);
        var signs = SlicedCases.Weights(shape, percent);
        return new($"{string.Join('x', dims)}, {percent} %", shape, signs, SpanningTree.Of(signs), true);
    }

    /// <summary>The layers of a model that are binary on inputs of given shapes, whose kernels take them.</summary>
    public static IEnumerable<TreeCase> Of(string path, IReadOnlyDictionary<string, Shape> shapes)
    {
        var definition = EngineModel.Read(path);
        var graph = definition.Graph;
        Rewriter.ApplyBinary(graph, new RewriteContext(new NodeEvaluator(CpuKernels.Standard)));
        if (BinaryLayerReport.Of(graph).Count == 0) throw CommandException.Usage($"{path}: no layer is binary; engine inspect says why");
        var types = new Dictionary<Value, TensorType>();
        using var model = Model.Load(path);
        List<RuntimeValue> inputs = [.. model.Inputs.Select(i => RandomInputs.Make(i, shapes))];
        new Interpreter(CpuKernels.Standard)
        {
            Observe = (v, value) =>
            {
                if (value is Tensor t) types[v] = t.Type;
            },
        }.Run(graph, inputs, CancellationToken.None);
        string name = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path)))!;
        foreach (var n in graph.Nodes)
        {
            if (n is not { Op: BinaryConv { Conv.Group: 1 } op } || n.Inputs[1]!.Constant is not { } w || SignExecutions.Shape(op, types[n.Inputs[0]!].Shape, w.Shape) is not { } shape || !SlicedWindow.Supports(shape)) continue;
            var signs = w as Binary ?? ((BinaryTree)w).ToBinary();
            yield return new($"{name} {n.Name}", shape, signs, SpanningTree.UpToSign(signs).Tree, n.Input(2)?.Constant is { DType: DType.I32 });
        }
    }
}
