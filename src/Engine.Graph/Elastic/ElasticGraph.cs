using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// A graph with the description of its elastic dimensions, from which smaller graphs are cut. They share the weights: what is not cut is the same object, what
/// is cut the same way is cut once. Not safe for concurrent use.
/// </summary>
public sealed class ElasticGraph
{
    // By the constant's name, which what rewrites put in its place keeps.
    private readonly Dictionary<string, List<(ElasticWidth Width, ElasticCut Cut)>> _cuts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(ElasticWidth Width, ElasticShape Shape)>> _shapes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ElasticKernel> _kernels = new(StringComparer.Ordinal);
    private readonly List<(ElasticDepth Depth, Value Input, Value Output)[]> _stages = [];
    // What a wire is rounded from (lowering leaves that one, with the grid of both), and the codes of a dequantized constant.
    private readonly Dictionary<Value, Value> _rounded = [];
    private readonly Dictionary<Value, Value> _codes = [];
    private readonly Dictionary<(Value, string), Value> _parts = [];

    /// <summary>Takes a description of <paramref name="graph"/> as stored, before rewrites, which it then follows by the names of constants. Throws <see cref="InvalidModelException"/> where they do not fit.</summary>
    public ElasticGraph(ModelGraph graph, ElasticDimensions dimensions)
    {
        (Graph, Dimensions) = (graph, dimensions);
        if (dimensions.All.Count == 0) return;
        var names = new ElasticCheck(graph);
        names.Require(dimensions);
        foreach (var x in dimensions.Widths)
        {
            foreach (var c in x.Cuts) Add(_cuts, c.Constant, (x, c));
            foreach (var s in x.Shapes) Add(_shapes, s.Constant, (x, s));
        }
        foreach (var x in dimensions.Kernels)
            if (!_kernels.TryAdd(x.Constant, x)) throw new InvalidModelException($"metadata '{ElasticDimensions.Key}': kernel '{x.Name}', 'constant': expected a constant of its own, got '{x.Constant}', which '{_kernels[x.Constant].Name}' has too");
        foreach (var x in dimensions.Depths) _stages.Add([.. x.Blocks.Select(b => (x, names.Wire(b.Input), names.Wire(b.Output)))]);
        var quantized = new Dictionary<Value, Value>();
        foreach (var n in graph.Nodes)
        {
            if (n.Inputs is not [{ } x, ..] || n.Outputs is not [{ } y, ..]) continue;
            if (n.Op is QuantizeLinear) quantized[y] = x;
            if (n.Op is not DequantizeLinear) continue;
            if (quantized.TryGetValue(x, out var from)) _rounded[y] = from;
            // Codes of a constant become a constant in place of what dequantizes them.
            if (_cuts.TryGetValue(x.Name, out var cuts)) (_cuts[y.Name], _codes[y]) = (cuts, x);
        }
    }

    /// <summary>The whole graph.</summary>
    public ModelGraph Graph { get; }

    /// <summary>The description.</summary>
    public ElasticDimensions Dimensions { get; }

    /// <summary>
    /// The graph that a choice leaves; the whole one where it leaves nothing out. Throws <see cref="InvalidModelException"/> where rewrites have removed what the description speaks of, and
    /// <see cref="UnsupportedException"/> for weights that cannot be cut.
    /// </summary>
    /// <param name="choice">A choice for each of <see cref="ElasticDimensions.All"/>, one of its <see cref="ElasticDimension.Choices"/>.</param>
    public ModelGraph Cut(IReadOnlyList<int> choice)
    {
        var all = Dimensions.All;
        var of = new Dictionary<ElasticDimension, int>(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < all.Count; i++) of[all[i]] = choice[i];
        return all.All(d => of[d] == d.Whole) ? Graph : new SubGraph(this, of).Build();
    }

    private static void Add<T>(Dictionary<string, List<T>> map, string name, T item) => (map.TryGetValue(name, out var list) ? list : map[name] = []).Add(item);

    /// <summary>One smaller graph in the making.</summary>
    private sealed class SubGraph(ElasticGraph elastic, Dictionary<ElasticDimension, int> choice)
    {
        private readonly Dictionary<Value, Value> _replaced = [];
        private readonly Dictionary<Value, (Value From, bool Rounded)> _skipped = [];
        private readonly HashSet<Value> _pinned = [.. elastic.Graph.Outputs, .. elastic.Graph.Nodes.SelectMany(n => n.Op.Subgraphs).SelectMany(g => g.Captures())];

        public ModelGraph Build()
        {
            var graph = elastic.Graph;
            Skip();
            var y = new ModelGraph(graph.Name);
            y.Inputs.AddRange(graph.Inputs);
            y.Outputs.AddRange(graph.Outputs);
            foreach (var n in graph.Nodes)
                if (n.Outputs.OfType<Value>().FirstOrDefault(_skipped.ContainsKey) is { } skipped) Pass(y, n, skipped);
                else y.Nodes.Add(Rebuild(n));
            y.Nodes = Live(y);
            return y;
        }

        private void Skip()
        {
            var made = elastic.Graph.Nodes.SelectMany(n => n.Outputs).OfType<Value>().Concat(elastic.Graph.Inputs).ToHashSet();
            foreach (var stage in elastic._stages)
                for (int i = 0; i < stage.Length; i++)
                {
                    var (depth, input, output) = stage[i];
                    if (i < choice[depth]) continue;
                    bool rounded = false;
                    Value Kept(Value v)
                    {
                        if (made.Contains(v)) return v;
                        rounded = elastic._rounded.TryGetValue(v, out var from) && made.Contains(from);
                        return rounded ? from! : throw new InvalidModelException($"metadata '{ElasticDimensions.Key}': depth '{depth.Name}', 'blocks[{i}]': expected a wire that rewrites keep, got '{v.Name}'");
                    }
                    _skipped[Kept(output)] = (Kept(input), rounded);
                }
        }

        // The block's last node gives what the block takes; a name that others see stays, and a grid where the wires before rounding were named.
        private void Pass(ModelGraph y, Node last, Value output)
        {
            var (from, rounded) = _skipped[output];
            var input = Map(from)!;
            if (_pinned.Contains(output) || !rounded && output.Quantization != input.Quantization) y.Nodes.Add(new Node(last.Name, new Identity(Attributes.None), [input], [Made(output)]));
            else _replaced[output] = input;
        }

        private Node Rebuild(Node n)
        {
            var op = n.Op;
            if (op is Conv conv && n.Input(1) is { } w)
            {
                if (elastic._kernels.TryGetValue(w.Name, out var kernel) && choice[kernel] != kernel.Whole) op = conv = ElasticKernels.Shrink(conv, kernel.Whole, choice[kernel], n.Describe());
                long gone = elastic._cuts.TryGetValue(w.Name, out var cuts) ? cuts.Where(c => c.Cut.Axis == 0).Sum(c => (c.Width.Whole - (long)choice[c.Width]) * c.Cut.Per) : 0;
                if (conv.Group > 1 && gone > 0)
                {
                    if (conv.Group != (elastic._codes.GetValueOrDefault(w) ?? w).Constant?.Shape[0]) throw new UnsupportedException($"{n.Describe()}: channels of {conv.Group} groups of more than one output channel cannot be cut");
                    op = new Conv(conv.Attributes.With("group", conv.Group - gone));
                }
            }
            return new Node(n.Name, op, [.. n.Inputs.Select(Map)], [.. n.Outputs.Select(v => v is null ? null : Made(v))]) { Epilogue = n.Epilogue };
        }

        // Wires of other shapes than the model declares.
        private Value Made(Value v) => v.Declared is null || _pinned.Contains(v) ? v : _replaced[v] = new Value(v.Name) { Quantization = v.Quantization };

        private Value? Map(Value? v)
        {
            if (v is null) return null;
            if (_replaced.TryGetValue(v, out var known)) return known;
            if (v.Constant is null) return v;
            return _replaced[v] = Shapes(Widths(Kernel(v)));
        }

        private Value Kernel(Value v)
        {
            if (!elastic._kernels.TryGetValue(v.Name, out var kernel) || choice[kernel] == kernel.Whole) return v;
            if (v.ConstantTensor is not { DType: DType.F32 } w) throw new UnsupportedException($"constant '{v.Name}': the window of {v.Constant} cannot be made smaller");
            return Part(v, $"kernel {choice[kernel]}", () => new Dense(ElasticKernels.Shrink(kernel, w, choice[kernel])));
        }

        private Value Widths(Value v)
        {
            if (!elastic._cuts.TryGetValue(v.Name, out var cuts) || cuts.TrueForAll(c => choice[c.Width] == c.Width.Whole)) return v;
            var w = v.Constant!;
            var runs = new IReadOnlyList<AxisRun>[w.Shape.Rank];
            for (int axis = 0; axis < runs.Length; axis++) runs[axis] = Kept(w.Shape[axis], cuts.Where(c => c.Cut.Axis == axis).OrderBy(c => c.Cut.Offset), v.Name);
            return Part(v, string.Join(' ', runs.Select(r => string.Join(',', r.Select(x => $"{x.Start}+{x.Count}")))), () => Taken(w, runs, v.Name));
        }

        private static Weight Taken(Weight w, IReadOnlyList<AxisRun>[] runs, string name)
        {
            try
            {
                return w.Take(runs);
            }
            catch (UnsupportedException e)
            {
                throw new UnsupportedException($"constant '{name}': {e.Message}");
            }
        }

        private IReadOnlyList<AxisRun> Kept(long extent, IEnumerable<(ElasticWidth Width, ElasticCut Cut)> cuts, string name)
        {
            var runs = new List<AxisRun>();
            long at = 0;
            void Keep(long start, long end)
            {
                if (start == end) return;
                if (runs.Count > 0 && runs[^1].Start + runs[^1].Count == start) runs[^1] = runs[^1] with { Count = end - runs[^1].Start };
                else runs.Add(new(start, end - start));
            }
            foreach (var (width, cut) in cuts)
            {
                long end = cut.Offset + (long)width.Whole * cut.Per;
                if (cut.Offset < at || end > extent) throw new InvalidModelException($"metadata '{ElasticDimensions.Key}': width '{width.Name}': expected entries {cut.Offset} to {end} of axis {cut.Axis} of '{name}' for itself, within {extent}; got entries of another cut");
                Keep(at, cut.Offset + (long)choice[width] * cut.Per);
                at = end;
            }
            Keep(at, extent);
            return runs;
        }

        private Value Shapes(Value v)
        {
            if (!elastic._shapes.TryGetValue(v.Name, out var shapes) || shapes.TrueForAll(s => choice[s.Width] == s.Width.Whole)) return v;
            long[] values = v.ConstantTensor!.ToLongs();
            foreach (var (width, s) in shapes) values[s.Entry] -= (width.Whole - (long)choice[width]) * s.Per;
            return Part(v, string.Join(',', values), () => new Dense(Tensor.From(v.Constant!.Shape, values)));
        }

        private Value Part(Value v, string key, Func<Weight> make) =>
            elastic._parts.TryGetValue((v, key), out var known) ? known : elastic._parts[(v, key)] = new Value(v.Name) { Constant = make() };

        private static List<Node> Live(ModelGraph y)
        {
            var read = new HashSet<Value>(y.Outputs);
            var kept = new List<Node>();
            for (int i = y.Nodes.Count - 1; i >= 0; i--)
            {
                var n = y.Nodes[i];
                if (!n.Outputs.Any(v => v is not null && read.Contains(v))) continue;
                kept.Add(n);
                foreach (var v in n.Inputs) if (v is not null) read.Add(v);
                foreach (var g in n.Op.Subgraphs) read.UnionWith(g.Captures());
            }
            kept.Reverse();
            return kept;
        }
    }
}
