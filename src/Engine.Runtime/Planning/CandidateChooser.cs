using Engine.Graph;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>A candidate as the planner weighs it.</summary>
/// <param name="Candidate">The kernel.</param>
/// <param name="Elementwise">The encoding on which an elementwise kernel runs unchanged, storage seen as one flat row; null for plain.</param>
internal sealed record Choice(Candidate Candidate, Encoding? Elementwise = null)
{
    /// <summary>Why the kernel of a constant operand's form was not taken; empty where it was, or the operand has no such form.</summary>
    public string FormNotTaken { get; init; } = "";

    /// <summary>Estimates of the node's executions, the chosen one first; empty where there is one.</summary>
    public string Executions { get; init; } = "";

    public Encoding Produces => Elementwise ?? Candidate.Produces;

    public Encoding Accept(int i) => Elementwise ?? Candidate.Accept(i);
}

/// <summary>A choice and what the node and everything before it then cost, in nanoseconds.</summary>
internal sealed record WeighedChoice(Choice Choice, double Cost);

/// <summary>
/// Picks one candidate a node so that kernels and conversions together cost least: dynamic programming over the nodes in order, the
/// cost of a wire shared between its readers; exact on chains and trees.
/// </summary>
internal sealed class CandidateChooser(LoweredSegment segment, KernelRegistry kernels, Conversions conversions, PlanOptions options)
{
    private const double NanosecondsPerByte = 0.1, NanosecondsPerOperation = 0.25, Impossible = 1e15;
    private readonly Dictionary<Value, LoweredNode> _producers = [];
    private readonly Dictionary<LoweredNode, List<WeighedChoice>> _options = [];
    private readonly Dictionary<Value, int> _readers = [];
    private readonly Dictionary<LoweredNode, string> _notTaken = [];

    /// <summary>One choice a node; a node without any throws.</summary>
    public Dictionary<LoweredNode, Choice> Run()
    {
        foreach (var n in segment.Nodes)
        {
            foreach (var v in n.Inputs) if (v is not null) _readers[v] = _readers.GetValueOrDefault(v) + 1;
            foreach (var v in n.Outputs) if (v is not null) _producers[v] = n;
        }
        foreach (var n in segment.Nodes) _options[n] = Weigh(n);

        var chosen = new Dictionary<LoweredNode, Choice>();
        // What readers that are decided already want of a wire.
        var wanted = new Dictionary<Value, List<Encoding>>();
        foreach (var v in segment.Outputs) wanted[v] = [Encoding.Plain];
        for (int i = segment.Nodes.Count - 1; i >= 0; i--)
        {
            var n = segment.Nodes[i];
            var wants = n.Outputs.Count > 0 && n.Outputs[0] is { } o && wanted.TryGetValue(o, out var w) ? w : [];
            var (best, least) = (_options[n][0], double.PositiveInfinity);
            foreach (var c in _options[n])
            {
                double cost = c.Cost;
                foreach (var e in wants.Distinct()) cost += Conversion(n.OutTypes[0]!, Stored(n, c.Choice), e);
                for (int k = 1; k < n.Outputs.Count; k++)
                    if (n.Outputs[k] is { } beside && wanted.TryGetValue(beside, out var others))
                        foreach (var e in others.Distinct()) cost += Conversion(n.OutTypes[k]!, c.Choice.Candidate.ProducesBeside, e);
                if (cost < least) (best, least) = (c, cost);
            }
            string form = best.Choice.Candidate.Structure is not null ? "" : _notTaken.GetValueOrDefault(n) ?? UnusedForm.Of(n.Inputs);
            chosen[n] = best.Choice with { FormNotTaken = string.Join("; ", new[] { form, n.NotFused }.Where(s => s.Length > 0)), Executions = Executions(n, best.Choice) };
            // A view's other operands say how it is seen; nothing reads them.
            for (int k = 0; k < (n.Node.Op.Kind == OperatorKind.View ? 1 : n.Inputs.Length); k++)
                if (n.Inputs[k] is { } v) (wanted.TryGetValue(v, out var list) ? list : wanted[v] = []).Add(best.Choice.Accept(k));
        }
        return chosen;
    }

    private List<WeighedChoice> Weigh(LoweredNode n)
    {
        if (n.Node.Op.Kind == OperatorKind.View) return [.. ViewEncodings(n).Select(e => new WeighedChoice(new Choice(new Candidate("view", _ => throw new InvalidOperationException()) { Accepts = [e], Produces = e }), InputCost(n, 0, e)))];
        var types = Fusion.Types(n, segment);
        var choices = new List<WeighedChoice>();
        foreach (var c in kernels.Candidates(types))
        {
            if (c.Structure is not null) _notTaken.TryAdd(n, UnusedForm.Of(c, n.Node, options));
            bool plain = c.Produces == Encoding.Plain && c.Accepts.All(a => a is null || a == Encoding.Plain);
            if (!plain && options.Level < 2 || !c.Exact && !options.AllowInexact || n.Node.Epilogue.Count > 0 && !c.FusesEpilogue) continue;
            double own = c.Nanoseconds ?? n.Cost.Operations * NanosecondsPerOperation + n.Cost.Bytes * NanosecondsPerByte;
            var choice = new Choice(c);
            choices.Add(new(choice, own + Inputs(n, choice) + Rounding(n, choice)));
            if (plain && options.Level >= 2 && n.Node.Op.IsElementwise)
                foreach (var e in ElementwiseEncodings(n))
                    choices.Add(new(new Choice(c, e), own + Inputs(n, new Choice(c, e))));
        }
        if (choices.Count == 0) throw new UnsupportedException($"{n.Node.Describe()}: no kernel for inputs {string.Join(", ", types.Inputs.Select(t => t?.ToString() ?? "absent"))}");
        return choices;
    }

    // Blocked storage holds every element once, so that a kernel without broadcasting may run over it as over a flat row.
    private IEnumerable<Encoding> ElementwiseEncodings(LoweredNode n)
    {
        if (n.OutTypes[0] is not { DType: DType.F32 } type || n.Outputs.Count(o => o is not null) != 1) return [];
        foreach (var v in n.Inputs)
            if (v is null || Fusion.TypeOf(v, segment) != type || v.Constant is not null || segment.Known.ContainsKey(v)) return [];
        return n.Inputs.Where(v => _producers.ContainsKey(v!)).SelectMany(v => _options[_producers[v!]]).Select(o => o.Choice.Produces).OfType<BlockedEncoding>().Distinct();
    }

    private double Inputs(LoweredNode n, Choice choice)
    {
        double sum = 0;
        for (int i = 0; i < n.Inputs.Length; i++) sum += InputCost(n, i, choice.Accept(i));
        return sum;
    }

    private double InputCost(LoweredNode n, int i, Encoding want)
    {
        if (n.Inputs[i] is not { } v) return 0;
        var type = Fusion.TypeOf(v, segment);
        if (type is null) return 0;
        if (!_producers.TryGetValue(v, out var p)) return Conversion(type, v.Quantization is null ? Encoding.Plain : Quantized(v), want);
        int output = 0;
        while (p.Outputs[output] != v) output++;
        double least = double.PositiveInfinity;
        int readers = p.Outputs.Sum(o => o is null ? 0 : _readers.GetValueOrDefault(o));
        foreach (var (choice, cost) in _options[p])
        {
            var produced = output == 0 ? Stored(p, choice) : choice.Candidate.ProducesBeside;
            least = Math.Min(least, cost / readers + Conversion(type, produced, want));
        }
        return least;
    }

    // What a view reads and is: codes where both wires have one grid; as bits or planes where images, channels and pixels stay as many.
    private IEnumerable<Encoding> ViewEncodings(LoweredNode n)
    {
        var x = n.Inputs[0]!;
        yield return x.Quantization is { } q && n.Outputs[0]!.Quantization == q ? QuantizedEncoding.Of(q) : Encoding.Plain;
        if (options.Level < 2 || !_producers.TryGetValue(x, out var p) || p.Outputs[0] != x) yield break;
        if (p.OutTypes[0] is not { DType: DType.F32, Shape: { Rank: >= 2 } from } || n.OutTypes[0]!.Shape is not { Rank: >= 2 } to || from[0] != to[0] || from[1] != to[1]) yield break;
        foreach (var e in _options[p].Select(o => o.Choice.Produces).Where(e => e is BitsEncoding { Axis: 1 } or PlanesEncoding { Axis: 1 }).Distinct()) yield return e;
    }

    // Microseconds of the kernels alone; conversions are weighed beside them.
    private string Executions(LoweredNode n, Choice chosen)
    {
        if (chosen.Candidate.Execution is not { } own) return "";
        var least = _options[n].Where(o => o.Choice.Candidate is { Execution: not null, Nanoseconds: not null }).GroupBy(o => o.Choice.Candidate.Execution!)
            .Select(g => (Name: g.Key, Nanoseconds: g.Key == own ? chosen.Candidate.Nanoseconds ?? 0 : g.Min(o => o.Choice.Candidate.Nanoseconds!.Value))).OrderBy(e => e.Name != own).ThenBy(e => e.Nanoseconds).ToList();
        return least.Count < 2 ? "" : string.Join(", ", least.Select(e => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{e.Name} {e.Nanoseconds / 1000:0.0} µs")));
    }

    // A wire with a grid is stored as its codes, whoever computes it.
    private static Encoding Stored(LoweredNode n, Choice choice) => n.Outputs[0] is { Quantization: { } q } v && (choice.Produces as CodeEncoding)?.Grid != q ? Quantized(v) : choice.Produces;

    private double Rounding(LoweredNode n, Choice choice) => n.Outputs.Count > 0 && n.OutTypes[0] is { } type ? Conversion(type, choice.Produces, Stored(n, choice)) : 0;

    private static QuantizedEncoding Quantized(Value v) => QuantizedEncoding.Of(v.Quantization!);

    private double Conversion(TensorType type, Encoding from, Encoding to) => from == to ? 0 : conversions.Find(type, from, to)?.Nanoseconds ?? Impossible;
}
