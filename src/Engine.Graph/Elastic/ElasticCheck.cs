using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>Compares a description of elastic dimensions with the graph that it speaks of. Throws <see cref="InvalidModelException"/> naming the key, what is expected and what is there.</summary>
internal sealed class ElasticCheck
{
    private readonly Dictionary<string, Value> _constants = new(StringComparer.Ordinal), _wires = new(StringComparer.Ordinal);
    private readonly Dictionary<Value, int> _madeAt = [];
    private readonly HashSet<Value> _captured = [];
    private readonly ModelGraph _graph;

    public ElasticCheck(ModelGraph graph)
    {
        _graph = graph;
        foreach (var v in graph.Inputs) (_wires[v.Name], _madeAt[v]) = (v, -1);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            foreach (var v in graph.Nodes[i].Inputs) if (v?.Constant is not null) _constants[v.Name] = v;
            foreach (var v in graph.Nodes[i].Outputs) if (v is not null) (_wires[v.Name], _madeAt[v]) = (v, i);
            foreach (var g in graph.Nodes[i].Op.Subgraphs) Capture(g);
        }
    }

    private void Capture(ModelGraph g)
    {
        _captured.UnionWith(g.Constants);
        foreach (var n in g.Nodes)
            foreach (var s in n.Op.Subgraphs) Capture(s);
    }

    /// <summary>Checks the whole description.</summary>
    public void Require(ElasticDimensions d)
    {
        foreach (var kind in d.All.GroupBy(x => x.Kind))
        {
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (var x in kind) if (!names.Add(x.Name)) throw Wrong(x, "name", "one of its own", "one that stands twice");
        }
        foreach (var x in d.Widths) Require(x);
        foreach (var x in d.Depths) Require(x);
        foreach (var x in d.Kernels) Require(x);
    }

    /// <summary>The constant of a name, which the checks have found.</summary>
    public Value Constant(string name) => _constants[name];

    /// <summary>The wire of a name, which the checks have found.</summary>
    public Value Wire(string name) => _wires[name];

    private void Require(ElasticWidth x)
    {
        foreach (int c in x.Choices.SkipLast(1))
            if (c % ElasticWidth.Multiple != 0) throw Wrong(x, "choices", $"multiples of {ElasticWidth.Multiple} before the last", $"{c}");
        if (x.Cuts.Count == 0) throw Wrong(x, "cuts", "at least one", "none");
        for (int i = 0; i < x.Cuts.Count; i++)
        {
            var c = x.Cuts[i];
            var shape = Find(x, $"cuts[{i}].constant", c.Constant).Constant!.Shape;
            if (c.Axis >= shape.Rank) throw Wrong(x, $"cuts[{i}].axis", $"below {shape.Rank}, the rank of '{c.Constant}'", $"{c.Axis}");
            long end = Checked.Add(c.Offset, Checked.Mul(x.Whole, c.Per));
            if (end > shape[c.Axis]) throw Wrong(x, $"cuts[{i}]", $"{x.Whole} channels within the {shape[c.Axis]} entries of axis {c.Axis} of '{c.Constant}'", $"entries {c.Offset} to {end}");
        }
        for (int i = 0; i < x.Shapes.Count; i++)
        {
            var s = x.Shapes[i];
            if (Find(x, $"shapes[{i}].constant", s.Constant).ConstantTensor is not { DType: DType.I64, Shape.Rank: <= 1 } t) throw Wrong(x, $"shapes[{i}].constant", "a vector of 64-bit integers", $"'{s.Constant}', {_constants[s.Constant].Constant}");
            long[] values = t.ToLongs();
            if (s.Entry >= values.Length) throw Wrong(x, $"shapes[{i}].entry", $"below {values.Length}", $"{s.Entry}");
            if (values[s.Entry] < Checked.Mul(x.Whole, s.Per)) throw Wrong(x, $"shapes[{i}]", $"at least {x.Whole} · {s.Per} at entry {s.Entry} of '{s.Constant}'", $"{values[s.Entry]}");
        }
    }

    private void Require(ElasticDepth x)
    {
        if (x.Whole != x.Blocks.Count) throw Wrong(x, "choices", $"{x.Blocks.Count}, the number of blocks, as the last", $"{x.Whole}");
        for (int i = 0; i < x.Blocks.Count; i++)
        {
            var b = x.Blocks[i];
            foreach (var (key, name) in ((string, string)[])[("input", b.Input), ("output", b.Output)])
                if (!_wires.ContainsKey(name)) throw Wrong(x, $"blocks[{i}].{key}", "a wire of the graph", $"'{name}'");
            if (_madeAt[_wires[b.Input]] >= _madeAt[_wires[b.Output]]) throw Wrong(x, $"blocks[{i}].input", $"a wire made before '{b.Output}'", $"'{b.Input}'");
        }
    }

    private void Require(ElasticKernel x)
    {
        var v = Find(x, "constant", x.Constant);
        if (v.ConstantTensor is not { DType: DType.F32, Shape.Rank: > 2 } w) throw Wrong(x, "constant", "dense f32 weights of a convolution", $"'{x.Constant}', {v.Constant}");
        if (w.Shape.Dims[2..].ToArray().Any(d => d != x.Whole)) throw Wrong(x, "choices", $"the window of '{x.Constant}', {w.Shape}, as the last", $"{x.Whole}");
        foreach (var n in _graph.Nodes)
            for (int i = 0; i < n.Inputs.Count; i++)
                if (n.Inputs[i] == v && (n.Op is not Conv || i != 1)) throw Wrong(x, "constant", "a constant that convolutions alone read, as weights", $"'{x.Constant}', which {n.Describe()} reads");
        foreach (int c in x.Choices)
            if (c % 2 != x.Whole % 2) throw Wrong(x, "choices", $"extents that differ from {x.Whole} by an even number", $"{c}");
        for (int i = 0; i < x.Transforms.Count; i++)
        {
            var t = x.Transforms[i];
            int from = x.Choices.ToList().IndexOf(t.From);
            if (from < 1 || x.Choices[from - 1] != t.To) throw Wrong(x, $"transforms[{i}]", "from a choice to the next smaller one", $"from {t.From} to {t.To}");
            long taps = Enumerable.Repeat((long)t.To, w.Shape.Rank - 2).Aggregate(1L, Checked.Mul);
            if (t.Matrix.Count != Checked.Mul(taps, taps)) throw Wrong(x, $"transforms[{i}].matrix", $"{taps} × {taps} numbers", $"{t.Matrix.Count}");
        }
    }

    private Value Find(ElasticDimension x, string key, string name)
    {
        if (!_constants.TryGetValue(name, out var v)) throw Wrong(x, key, "a constant that nodes of the main graph read", $"'{name}'");
        return _captured.Contains(v) ? throw Wrong(x, key, "a constant that no branch or loop body reads", $"'{name}'") : v;
    }

    private static InvalidModelException Wrong(ElasticDimension x, string key, string expected, string actual) => new($"metadata '{ElasticDimensions.Key}': {x.Kind} '{x.Name}', '{key}': expected {expected}, got {actual}");
}
