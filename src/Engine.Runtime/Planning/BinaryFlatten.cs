using System.Runtime.CompilerServices;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// A product of signs with a flattened map, [N, C, …] as [N, K], becomes a convolution whose window is the map: its input then stays in the encoding of maps, bits or planes, and the weights are the same
/// words in the same order. Where the map's axes change places before it is flattened, as behind layers that were trained channels last, the weights' columns do so instead.
/// </summary>
internal static class BinaryFlatten
{
    private const int MostAxes = 5;
    // Plans of all shapes share what kernels pack of a weight.
    private static readonly ConditionalWeakTable<Weight, Tuple<string, Weight>> s_windows = [];

    public static void Run(LoweredSegment segment, KernelRegistry kernels)
    {
        if (!segment.Nodes.Any(n => n.Node.Op is BinaryConv)) return;
        var g = new SegmentGraph(segment, kernels);
        var gone = new HashSet<LoweredNode>();
        for (int i = 0; i < segment.Nodes.Count; i++)
        {
            var n = segment.Nodes[i];
            if (Window(n, g, out var passed) is not var (conv, view)) continue;
            var reader = n;
            foreach (var p in passed)
            {
                if (g.Reader(p.Outputs[0]) != reader) break;
                gone.Add(reader = p);
            }
            segment.Nodes[i] = conv;
            segment.Nodes.Insert(++i, view);
        }
        segment.Nodes.RemoveAll(gone.Contains);
    }

    // What is passed over: the view, and a transposition in front of it.
    private static (LoweredNode Conv, LoweredNode View)? Window(LoweredNode n, SegmentGraph g, out List<LoweredNode> passed)
    {
        passed = [];
        if (n.Node.Op is not BinaryConv || n.Node.Epilogue.Count > 0 || n.Inputs[1]?.Constant is not { Shape.Rank: 2 } w || n.OutTypes[0] is not { Shape.Rank: 2 } type) return null;
        if (g.Producer(n.Inputs[0]) is not { Node.Op.Kind: OperatorKind.View, Inputs: [{ Quantization: null } map, ..] } flat) return null;
        passed.Add(flat);
        int[]? order = null;
        if (g.Producer(map) is { Node.Op: Transpose t, Inputs: [{ Quantization: null } source] } turn && Fusion.TypeOf(source, g.Segment) is { } from && t.Permutation(from.Shape.Rank) is [0, ..] axes)
        {
            (map, order) = (source, axes);
            passed.Add(turn);
        }
        if (Fusion.TypeOf(map, g.Segment) is not { DType: DType.F32, Shape: { Rank: > 2 and <= MostAxes } x }) return null;
        if (x[0] != type.Shape[0] || x.Elements == 0 || x.Elements / x[0] != w.Shape[1] || x[1] == w.Shape[1] || Of(w, x, order) is not { } window) return null;
        var y = new Value($"{n.Outputs[0]!.Name}/map");
        Value?[] inputs = [map, new Value(n.Inputs[1]!.Name) { Constant = window }, .. n.Inputs.Skip(2)];
        var outType = new TensorType(type.DType, new Shape([.. type.Shape.ToArray(), .. Enumerable.Repeat(1L, x.Rank - 2)]));
        g.Segment.Types[y] = outType;
        var flatten = new Node($"{n.Node.Name}/flatten", new Flatten(new Attributes(13)), [y], n.Node.Outputs);
        return (new LoweredNode(new Node(n.Node.Name, new BinaryConv(new Attributes(1)), inputs, [y]), inputs, [outType]) { Cost = n.Cost }, new LoweredNode(flatten, [y], n.OutTypes));
    }

    private static Weight? Of(Weight w, Shape map, int[]? order)
    {
        var shape = new Shape([w.Shape[0], .. map.ToArray()[1..]]);
        string form = $"{shape} {string.Join(' ', order ?? [])}";
        if (s_windows.TryGetValue(w, out var known) && known.Item1 == form) return known.Item2;
        Tensor Columns(Tensor words) => order is null ? words : Reordered(words, shape, order);
        Weight? window = w switch
        {
            Binary b => new Binary(shape, Columns(b.Words), b.DType),
            BinaryTree { Words: { } words } t => new BinaryTree(shape, t.Parents, Columns(words), t.DType),
            BinaryTree t when order is null => new BinaryTree(shape, t.Parents, t.RootWords!, t.Starts!, t.Flips!, t.DType),
            _ => null,
        };
        if (window is not null) s_windows.AddOrUpdate(w, Tuple.Create(form, window));
        return window;
    }

    // Rows whose columns are a map with its axes in `order`, as rows of the map.
    private static Tensor Reordered(Tensor words, Shape shape, int[] order)
    {
        int rank = shape.Rank, rows = shape.Int(0), columns = Checked.Int(shape.Elements / rows), across = (int)Checked.CeilDiv(columns, BitsEncoding.WordBits);
        var from = new int[columns];
        var at = new int[rank];
        for (int i = 0; i < columns; i++)
        {
            int column = 0;
            for (int k = 1; k < rank; k++) column = column * shape.Int(order[k]) + at[order[k]];
            from[i] = column;
            for (int k = rank - 1; k > 0 && ++at[k] == shape.Int(k); k--) at[k] = 0;
        }
        var result = Tensor.Allocate(DType.U64, new Shape(rows, across));
        ReadOnlySpan<ulong> x = words.Span<ulong>();
        var y = result.Span<ulong>();
        y.Clear();
        for (int r = 0; r < rows; r++)
            for (int i = 0; i < columns; i++)
                y[r * across + i / BitsEncoding.WordBits] |= (x[r * across + from[i] / BitsEncoding.WordBits] >> from[i] % BitsEncoding.WordBits & 1) << i % BitsEncoding.WordBits;
        return result;
    }
}
