using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// Finds which channels live and die together: removing one from a wire removes a row of the weights that make it, a column of the weights that
/// read it, and the same channel of everything added to it. Every element of every wire has a label; operators put labels in one set where
/// elements depend on each other, and those of an operator it knows nothing about in the set of what must stay. Labels move through reshapes,
/// transpositions and concatenations as the elements themselves do.
/// <para>Source: Fang et al., "DepGraph: Towards Any Structural Pruning", 2023; zero-invariant groups of Chen et al., "Only Train Once", 2021.</para>
/// </summary>
internal sealed class ChannelAnalysis
{
    private readonly ModelGraph _graph;
    private readonly IReadOnlyDictionary<Value, TensorType> _types;
    private readonly NodeEvaluator _evaluator;
    private readonly Dictionary<Value, Tensor> _labels = [];
    private readonly Dictionary<Value, int[]?[]> _axes = [];
    private readonly Dictionary<Value, int> _readers = [];

    private ChannelAnalysis(ModelGraph graph, IReadOnlyDictionary<Value, TensorType> types, KernelRegistry kernels, Workers workers) =>
        (_graph, _types, _evaluator) = (graph, types, new NodeEvaluator(kernels, workers));

    /// <summary>Which labels belong together.</summary>
    public LabelSets Sets { get; } = new();

    /// <summary>Labels of each constant's axes: null where an axis has none. Only constants of which something may be removed.</summary>
    public IReadOnlyDictionary<Value, int[]?[]> Constants => _axes;

    /// <summary>Weights of linear operators: which operand of which node.</summary>
    public List<LinearWeight> Linear { get; } = [];

    /// <summary>The analysis; <paramref name="types"/> are those of a run with any batch size.</summary>
    public static ChannelAnalysis Of(ModelGraph graph, IReadOnlyDictionary<Value, TensorType> types, KernelRegistry kernels, Workers workers)
    {
        var a = new ChannelAnalysis(graph, types, kernels, workers);
        foreach (var v in graph.Nodes.SelectMany(n => n.Inputs).OfType<Value>().Where(v => v.Constant is not null)) a._readers[v] = a._readers.GetValueOrDefault(v) + 1;
        foreach (var v in graph.Inputs) a.KeepWire(v);
        foreach (var n in graph.Nodes) a.Visit(n);
        foreach (var v in graph.Outputs) a.KeepWire(v);
        a.Settle();
        return a;
    }

    /// <summary>Labels of a wire's elements, or null where it has none.</summary>
    public Tensor? Of(Value wire) => _labels.GetValueOrDefault(wire);

    /// <summary>How many entries of each axis of a wire are left once the sets given are gone.</summary>
    public long[] Left(Value wire, IReadOnlySet<int> removed)
    {
        var axes = AxisLabels(_labels[wire]);
        return [.. axes.Select((l, i) => l is null ? _labels[wire].Shape[i] : l.Count(x => !removed.Contains(Sets.Find(x))))];
    }

    private void Visit(Node n)
    {
        foreach (var v in n.Op.Subgraphs.SelectMany(g => g.Captures())) KeepWire(v);
        if (n.Outputs.Count != 1 || n.Outputs[0] is not { } y || !_types.TryGetValue(y, out var type) || type.DType != DType.F32 || n.Op.Subgraphs.Count > 0)
        {
            // Shapes are no values.
            if (n.Op is not (ShapeOf or SizeOf)) Stay(n);
            return;
        }
        bool known = n.Op switch
        {
            Conv c => Convolve(n, y, type, c),
            Gemm g => !g.Attributes.Bool("transA") && g.Alpha == 1 && Multiply(n, y, type, g.Attributes.Bool("transB")),
            MatMul => Multiply(n, y, type, isTransposed: false),
            BatchNormalization { Training: false } or InstanceNormalization => OfChannels(n, y, type) && Parameters(n, y),
            Pool or GlobalPool => OfChannels(n, y, type),
            Pad => n.Input(1)?.ConstantTensor is { } pads && pads.ToLongs() is var p && p.Length == 2 * type.Shape.Rank && p[0] == 0 && p[1] == 0 && p[p.Length / 2] == 0 && p[p.Length / 2 + 1] == 0 && n.Input(3) is null && OfChannels(n, y, type),
            ResizeBase => n.Input(3) is null && _labels[n.Inputs[0]!].Shape is var s && s.Rank > 2 && s[0] == type.Shape[0] && s[1] == type.Shape[1] && n.Inputs.Skip(1).All(v => v is null || v.Constant is not null) && OfChannels(n, y, type),
            ReduceMean or ReduceSum or ReduceMax or ReduceMin or ReduceL1 or ReduceL2 => Fold(n, y, type),
            Reshape or Flatten or Transpose or Concat or Squeeze or Unsqueeze or Identity => Move(n, y),
            UnaryOperator or BinaryOperator or VariadicOperator or Clip or Cast => Combine(n, y, type),
            _ => false,
        };
        if (!known) Stay(n);
    }

    /// <summary>Everything a node reads and makes must stay.</summary>
    private void Stay(Node n)
    {
        foreach (var v in n.Inputs.Concat(n.Outputs)) if (v is not null) KeepWire(v);
    }

    private void KeepWire(Value v)
    {
        if (v.Constant is not null)
        {
            if (_labels.TryGetValue(v, out var l)) Sets.Keep(l.Span<int>());
            if (_axes.TryGetValue(v, out var axes)) foreach (var a in axes) Sets.Keep(a);
            return;
        }
        if (_labels.TryGetValue(v, out var labels)) Sets.Keep(labels.Span<int>());
        else if (_types.TryGetValue(v, out var type) && type.DType == DType.F32) _labels[v] = Filled(type.Shape, 0);
    }

    private static Tensor Filled(Shape shape, int label)
    {
        var t = Tensor.Allocate(DType.I32, shape);
        t.Span<int>().Fill(label);
        return t;
    }

    /// <summary>Labels of an operand; those of a constant are made when it is first met.</summary>
    private Tensor? Labels(Value? v)
    {
        if (v is null) return null;
        if (_labels.TryGetValue(v, out var t)) return t;
        if (v.ConstantTensor is not { DType: DType.F32 } c) return null;
        t = Tensor.From(c.Shape, Sets.Fresh(c.Shape.Count));
        if (_readers[v] > 1) Sets.Keep(t.Span<int>());
        return _labels[v] = t;
    }

    // The set of each entry of an axis, where all elements of an entry are of one; null where they are not.
    private int[]?[] AxisLabels(Tensor labels)
    {
        var s = labels.Shape;
        var l = labels.Span<int>();
        var y = new int[]?[s.Rank];
        for (int axis = 0; axis < s.Rank; axis++)
        {
            int n = s.Int(axis), inner = Checked.Int(s.Product(axis + 1, s.Rank));
            var of = new int[n];
            Array.Fill(of, -1);
            bool uniform = n > 0;
            for (int i = 0; i < l.Length && uniform; i++)
            {
                ref int first = ref of[i / inner % n];
                int set = Sets.Find(l[i]);
                if (first < 0) first = set;
                uniform = first == set;
            }
            y[axis] = uniform ? of : null;
        }
        return y;
    }

    // One label a channel (axis 1) of an operand; null, and everything stays, where a channel's elements differ.
    private int[]? Channels(Value v, int axis)
    {
        if (Labels(v) is not { } t || t.Shape.Rank <= axis) return null;
        var labels = AxisLabels(t)[axis];
        if (labels is null) Sets.Keep(t.Span<int>());
        return labels ?? new int[t.Shape.Int(axis)];
    }

    private void SetChannels(Value y, TensorType type, ReadOnlySpan<int> channels, int axis)
    {
        var t = Tensor.Allocate(DType.I32, type.Shape);
        var l = t.Span<int>();
        int inner = Checked.Int(type.Shape.Product(axis + 1, type.Shape.Rank));
        for (int i = 0; i < l.Length; i++) l[i] = channels[i / inner % channels.Length];
        _labels[y] = t;
    }

    private bool Convolve(Node n, Value y, TensorType type, Conv c)
    {
        if (n.Inputs[1]!.ConstantTensor is not { DType: DType.F32 } w || Channels(n.Inputs[0]!, 1) is not { } x) return false;
        int m = w.Shape.Int(0);
        bool isDepthwise = c.Group > 1 && c.Group == x.Length && m == c.Group;
        if (c.Group > 1 && !isDepthwise) return false;
        int[] rows = isDepthwise ? x : Sets.Fresh(m);
        return Linear1(n, y, type, 1, rows, isDepthwise ? null : x, w.Shape.Rank, 0, 1, isDepthwise);
    }

    private bool Multiply(Node n, Value y, TensorType type, bool isTransposed)
    {
        if (n.Inputs[1]!.ConstantTensor is not { DType: DType.F32, Shape.Rank: 2 } w || Labels(n.Inputs[0]) is not { } input || input.Shape.Rank < 2) return false;
        if (Channels(n.Inputs[0]!, input.Shape.Rank - 1) is not { } x) return false;
        return Linear1(n, y, type, type.Shape.Rank - 1, Sets.Fresh(w.Shape.Int(isTransposed ? 0 : 1)), x, 2, isTransposed ? 0 : 1, isTransposed ? 1 : 0, isDepthwise: false);
    }

    // A weight whose axis `row` makes channels and whose axis `column` reads them.
    private bool Linear1(Node n, Value y, TensorType type, int outputAxis, int[] rows, int[]? columns, int rank, int row, int column, bool isDepthwise)
    {
        var w = n.Inputs[1]!;
        if (_readers[w] > 1) return false;
        var axes = new int[]?[rank];
        axes[row] = rows;
        if (columns is not null) axes[column] = columns;
        _axes[w] = axes;
        Linear.Add(new(n, w, row, columns is null ? -1 : column, isDepthwise));
        SetChannels(y, type, rows, outputAxis);
        if (n.Input(2) is not { } bias) return true;
        if (Labels(bias) is not { } b) return false;
        Join(b, _labels[y], outputAxis == 1 && type.Shape.Rank > 2 ? 1 : -1);
        return true;
    }

    private bool OfChannels(Node n, Value y, TensorType type)
    {
        if (type.Shape.Rank < 2 || Channels(n.Inputs[0]!, 1) is not { } x || type.Shape[1] != x.Length) return false;
        SetChannels(y, type, x, 1);
        return true;
    }

    private bool Parameters(Node n, Value y)
    {
        foreach (var p in n.Inputs.Skip(1))
        {
            if (Labels(p) is not { } l) return false;
            Join(l, _labels[y], 1);
        }
        return true;
    }

    // Joins the elements of a smaller tensor with those of a larger it is broadcast to: aligned at the end, or a vector along `axis`.
    private void Join(Tensor small, Tensor large, int axis = -1)
    {
        var shape = axis < 0 || small.Shape.Rank != 1 ? small.Shape.ToArray() : [small.Shape[0], .. Enumerable.Repeat(1L, large.Shape.Rank - axis - 1)];
        long[] strides = new Shape(shape).Strides(), dims = large.Shape.ToArray();
        ReadOnlySpan<int> a = small.Span<int>(), b = large.Span<int>();
        if (small.Shape.Elements == 1) return;
        int skip = dims.Length - shape.Length, lastFrom = -1, lastTo = -1;
        for (int i = 0; i < b.Length; i++)
        {
            long rest = i, from = 0;
            for (int d = dims.Length - 1; d >= skip; d--)
            {
                if (shape[d - skip] != 1) from += rest % dims[d] * strides[d - skip];
                rest /= dims[d];
            }
            if (a[(int)from] == lastFrom && b[i] == lastTo) continue;
            Sets.Join(lastFrom = a[(int)from], lastTo = b[i]);
        }
    }

    private bool Combine(Node n, Value y, TensorType type)
    {
        Tensor? result = null;
        foreach (var v in n.Inputs)
        {
            if (v is null || Labels(v) is not { } l)
            {
                if (v?.Constant is null && v is not null) return false;
                continue;
            }
            if (l.Shape == type.Shape && result is null && v.Constant is null) result = l;
        }
        if (result is null) return false;
        foreach (var v in n.Inputs)
            if (Labels(v) is { } l && !ReferenceEquals(l, result)) Join(l, result);
        _labels[y] = result;
        return true;
    }

    private bool Move(Node n, Value y)
    {
        var operands = new List<Tensor?>();
        foreach (var v in n.Inputs)
        {
            var t = Labels(v) ?? v?.ConstantTensor;
            if (v is not null && t is null) return false;
            operands.Add(t);
        }
        if (_evaluator.Run(n, operands, default)[0] is not Tensor { DType: DType.I32 } moved) return false;
        _labels[y] = moved;
        return true;
    }

    // A sum over elements of one set has that set's label: the least and the greatest label are the same.
    private bool Fold(Node n, Value y, TensorType type)
    {
        if (Labels(n.Inputs[0]) is not { } x) return false;
        var roots = Tensor.Allocate(DType.I32, x.Shape);
        for (int i = 0; i < roots.Shape.Count; i++) roots.Span<int>()[i] = Sets.Find(x.Span<int>()[i]);
        Tensor Run(Operator op) => (Tensor)_evaluator.Run(new Node(n.Name, op, n.Inputs, n.Outputs), [roots, .. n.Inputs.Skip(1).Select(v => v?.ConstantTensor)], default)[0]!;
        if (n.Inputs.Skip(1).Any(v => v is not null && v.ConstantTensor is null)) return false;
        Tensor least = Run(new ReduceMin(n.Op.Attributes)), most = Run(new ReduceMax(n.Op.Attributes));
        if (least.Shape != type.Shape || !least.Span<int>().SequenceEqual(most.Span<int>())) return false;
        _labels[y] = least;
        return true;
    }

    // Constants of elementwise operators get labels by axis; a set that is not made of whole entries of axes must stay.
    private void Settle()
    {
        bool changed = true;
        while (changed)
        {
            changed = false;
            foreach (var t in _labels.Values) changed |= !IsWhole(t);
        }
        foreach (var (v, t) in _labels)
            if (v.Constant is not null && t.Shape.Rank > 0) _axes[v] = AxisLabels(t);
    }

    private bool IsWhole(Tensor t)
    {
        var axes = AxisLabels(t);
        var l = t.Span<int>();
        bool whole = true;
        int last = 0;
        // An element that may go must go with a whole entry of some axis.
        if (axes.Any(a => a is not null)) return true;
        foreach (int label in l)
        {
            if (label == last || Sets.Find(label) == 0) continue;
            Sets.Join(last = label, 0);
            whole = false;
        }
        return whole;
    }
}

/// <summary>A constant weight of a convolution or matrix product.</summary>
/// <param name="Node">The node.</param>
/// <param name="Weight">Its second operand.</param>
/// <param name="RowAxis">Axis that makes channels.</param>
/// <param name="ColumnAxis">Axis that reads channels; −1 for a depthwise convolution.</param>
/// <param name="IsDepthwise">Each channel is made of the same channel of the input.</param>
internal sealed record LinearWeight(Node Node, Value Weight, int RowAxis, int ColumnAxis, bool IsDepthwise);
