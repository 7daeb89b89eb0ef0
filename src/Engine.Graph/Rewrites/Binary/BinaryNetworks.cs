using Engine.Graph.Operators;

namespace Engine.Graph;

/// <summary>What became of a layer, for people.</summary>
/// <param name="Layer">Name of the node.</param>
/// <param name="Outcome">What it is now.</param>
/// <param name="Reason">Why it is not more than that; empty where there is nothing to say.</param>
public sealed record LayerNote(string Layer, string Outcome, string Reason);

/// <summary>
/// Convolutions and products of signs (Sign, or how exporters write it) by weights of one magnitude a channel become <see cref="BinaryConv"/>. What stands between one and the next sign (bias, batch
/// normalization, activations, one max-pool) becomes an integer threshold a channel, found by running those nodes on every sum there can be: exact by construction. Where no sign follows, batch
/// normalization becomes the scale of sums. A layer whose sign could give 0 stays as it is.
/// </summary>
public sealed class BinaryNetworks : Rewrite
{
    private readonly List<LayerNote> _notes = [];

    /// <inheritdoc/>
    public override string Name => "binary networks";

    /// <inheritdoc/>
    public override IReadOnlyList<LayerNote> Notes => _notes;

    /// <summary>True where a graph makes a sign of something, in a way that is recognized.</summary>
    public static bool HasSigns(ModelGraph graph)
    {
        var wiring = new Wiring(graph);
        return graph.Nodes.Any(n => SignPattern.Of(n, wiring) is not null || n.Op.Subgraphs.Any(HasSigns));
    }

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context) => new BinaryRecognition(graph, context, _notes).Run();
}

/// <summary>One pass over a graph: which signs and layers can be binary, then the nodes that say so.</summary>
internal sealed class BinaryRecognition(ModelGraph graph, RewriteContext context, List<LayerNote> notes)
{
    private const string NoSigns = "its input is not made of signs";

    private readonly Wiring _wiring = new(graph);
    private readonly Dictionary<Value, SignPattern> _signs = [];
    // Wires of −1 and +1, and the signs that they come from.
    private readonly Dictionary<Value, HashSet<Value>> _binary = [];
    private readonly Dictionary<Node, BinaryLayer> _layers = [];
    private readonly Dictionary<Node, string> _refused = [];
    // Layers of ordinary weights that read no signs.
    private readonly HashSet<Node> _others = [];
    private readonly Dictionary<Value, (BinaryLayer Layer, SumTable Table)> _thresholds = [];
    private readonly Dictionary<Value, string> _impossible = [];

    public int Run()
    {
        foreach (var n in graph.Nodes)
            if (SignPattern.Of(n, _wiring) is { } p) _signs[n.Outputs[0]!] = p;
        bool stored = graph.Nodes.Any(n => n.Op is BinaryConv);
        if (_signs.Count == 0 && !stored) return 0;
        Node[] nodes = [.. graph.Nodes];
        foreach (var n in nodes) Learn(n);
        var needed = _layers.Keys.SelectMany(n => _binary[n.Inputs[0]!]).ToHashSet();
        if (_layers.Count > 0) new BinaryEmission(graph, _wiring, _signs, _binary, _layers, _thresholds, needed).Run();
        if (_layers.Count == 0 && !stored) _others.Clear();
        foreach (var n in nodes)
            if (Note(n, needed) is { } note) notes.Add(note);
        return _layers.Count;
    }

    private void Learn(Node n)
    {
        if (n.Outputs is not [{ } y, ..]) return;
        if (_signs.TryGetValue(y, out var p))
        {
            if (!_thresholds.ContainsKey(y) && p.HasZero && !_impossible.ContainsKey(y) && ZeroCheck.Of(p.X, _wiring) is { } why) _impossible[y] = why;
            _binary[y] = [y];
        }
        else if (n.Op is Conv or Gemm or MatMul) Layer(n);
        else if (Passes(n)) _binary[y] = [.. n.Inputs.Where(v => v is { Constant: null }).SelectMany(v => _binary[v!])];
    }

    // Nodes whose outputs are −1 and +1 where their inputs are.
    private bool Passes(Node n) =>
        n.Outputs.Count(o => o is not null) == 1 && n.Inputs.Count > 0 && n.Input(0) is { } x && n.Epilogue.Count == 0 && n.Outputs[0]!.Quantization is null && n.Op switch
        {
            MaxPool or GlobalMaxPool or Flatten or Reshape or Transpose or Identity or Squeeze or Unsqueeze or Slice => _binary.ContainsKey(x) && n.Inputs.Skip(1).All(v => v is null || !_binary.ContainsKey(v)),
            Concat => n.Inputs.All(v => v is not null && _binary.ContainsKey(v)),
            _ => false,
        };

    private void Layer(Node n)
    {
        bool signed = n.Input(0) is { } x && _binary.ContainsKey(x);
        var layer = BinaryLayer.Of(n, out string why);
        if (layer is null)
        {
            if (signed) _refused[n] = why;
            else if (n.Input(1) is { Constant: not null } && n.Input(0) is { } input && _wiring.Maker(input)?.Op is not (BinarySign or BinaryConv or BinaryMaxPool)) _others.Add(n);
            return;
        }
        var origins = signed ? _binary[n.Inputs[0]!] : [];
        if (!signed) _refused[n] = NoSigns;
        else if (origins.FirstOrDefault(_impossible.ContainsKey) is { } zero) _refused[n] = $"the sign '{zero.Name}' that it reads may be 0: {_impossible[zero]}";
        else
        {
            _layers[n] = layer;
            layer.Follow(_wiring, _signs);
            if (layer.Sign is not { } sign) return;
            if (SumTable.Of(layer, context.Evaluator, out why, out bool hasZero) is { } table) _thresholds[sign] = (layer, table);
            else
            {
                // The layer itself may be binary with sums as its output; what reads the sign is another matter.
                if (hasZero) _impossible[sign] = why;
                _refused[n] = why;
            }
        }
    }

    private LayerNote? Note(Node n, HashSet<Value> needed)
    {
        if (!_layers.TryGetValue(n, out var layer)) return (_refused.GetValueOrDefault(n) ?? (_others.Contains(n) ? NoSigns : null)) is { } why ? new(n.Name, "float", why) : null;
        bool bits = layer.Sign is { } s && needed.Contains(s) && _thresholds.ContainsKey(s);
        return new(n.Name, bits ? "binary, to bits" : "binary, to f32", bits ? "" : _refused.GetValueOrDefault(n) ?? (layer.Sign is null ? "" : "no binary layer reads its sign"));
    }
}
