using System.Runtime.CompilerServices;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// A product of signs with a flattened map, [N, C, …] as [N, K], becomes a convolution whose window is the map: its input then stays in the encoding of maps, bits or planes, and the weights are the same
/// words in the same order.
/// </summary>
internal static class BinaryFlatten
{
    private const int MostAxes = 5;
    // Plans of all shapes share what kernels pack of a weight.
    private static readonly ConditionalWeakTable<Weight, Weight> s_windows = [];

    public static void Run(LoweredSegment segment, KernelRegistry kernels)
    {
        if (!segment.Nodes.Any(n => n.Node.Op is BinaryConv)) return;
        var g = new SegmentGraph(segment, kernels);
        var gone = new HashSet<LoweredNode>();
        for (int i = 0; i < segment.Nodes.Count; i++)
        {
            var n = segment.Nodes[i];
            if (Window(n, g) is not var (conv, view)) continue;
            if (g.Reader(n.Inputs[0]) == n) gone.Add(g.Producer(n.Inputs[0])!);
            segment.Nodes[i] = conv;
            segment.Nodes.Insert(++i, view);
        }
        segment.Nodes.RemoveAll(gone.Contains);
    }

    private static (LoweredNode Conv, LoweredNode View)? Window(LoweredNode n, SegmentGraph g)
    {
        if (n.Node.Op is not BinaryConv || n.Node.Epilogue.Count > 0 || n.Inputs[1]?.Constant is not { Shape.Rank: 2 } w || n.OutTypes[0] is not { Shape.Rank: 2 } type) return null;
        if (g.Producer(n.Inputs[0]) is not { Node.Op.Kind: OperatorKind.View, Inputs: [{ Quantization: null } map, ..] } || Fusion.TypeOf(map, g.Segment) is not { DType: DType.F32, Shape: { Rank: > 2 and <= MostAxes } x }) return null;
        if (x[0] != type.Shape[0] || x.Elements == 0 || x.Elements / x[0] != w.Shape[1] || x[1] == w.Shape[1] || Of(w, x) is not { } window) return null;
        var y = new Value($"{n.Outputs[0]!.Name}/map");
        Value?[] inputs = [map, new Value(n.Inputs[1]!.Name) { Constant = window }, .. n.Inputs.Skip(2)];
        var outType = new TensorType(type.DType, new Shape([.. type.Shape.ToArray(), .. Enumerable.Repeat(1L, x.Rank - 2)]));
        g.Segment.Types[y] = outType;
        var flatten = new Node($"{n.Node.Name}/flatten", new Flatten(new Attributes(13)), [y], n.Node.Outputs);
        return (new LoweredNode(new Node(n.Node.Name, new BinaryConv(new Attributes(1)), inputs, [y]), inputs, [outType]) { Cost = n.Cost }, new LoweredNode(flatten, [y], n.OutTypes));
    }

    private static Weight? Of(Weight w, Shape map)
    {
        var shape = new Shape([w.Shape[0], .. map.ToArray()[1..]]);
        if (s_windows.TryGetValue(w, out var known) && known.Shape == shape) return known;
        Weight? window = w switch
        {
            Binary b => new Binary(shape, b.Words, b.DType),
            BinaryTree { Words: { } words } t => new BinaryTree(shape, t.Parents, words, t.DType),
            BinaryTree t => new BinaryTree(shape, t.Parents, t.RootWords!, t.Starts!, t.Flips!, t.DType),
            _ => null,
        };
        if (window is not null) s_windows.AddOrUpdate(w, window);
        return window;
    }
}
