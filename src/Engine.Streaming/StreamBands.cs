using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>
/// The masked attentions of a model and what their masks are. Masks that a model computes of the length of the signal, as from positions that it compares, are computed for signals of two lengths: a band
/// is the same in both.
/// </summary>
internal sealed class StreamBands
{
    // Frames of the signals that masks are computed for.
    private static readonly long[] s_frames = [80, 272, 1040];

    private readonly Dictionary<Node, MaskedAttention> _chains = [];
    private readonly Dictionary<Value, Node> _makers = [];
    private readonly Dictionary<(Value, bool?, long), AttentionBand?> _bands = [];
    private readonly IEvaluator _evaluator;

    public StreamBands(ModelGraph graph, IEvaluator evaluator)
    {
        _evaluator = evaluator;
        foreach (var chain in MaskedAttention.Of(graph))
            foreach (var n in chain.Nodes) _chains[n] = chain;
        if (_chains.Count == 0) return;
        foreach (var n in graph.Nodes)
            foreach (var v in n.Outputs) if (v is not null) _makers[v] = n;
        FindMasks(graph);
    }

    /// <summary>Nodes that do nothing but make masks.</summary>
    public IReadOnlySet<Node> MaskNodes { get; private set; } = new HashSet<Node>();

    /// <summary>The attention that a node belongs to, or null.</summary>
    public MaskedAttention? Of(Node n) => _chains.GetValueOrDefault(n);

    private void FindMasks(ModelGraph graph)
    {
        var only = new HashSet<Node>();
        var maskings = _chains.Values.SelectMany(c => c.Maskings).ToHashSet();
        var readers = new Dictionary<Value, bool>();
        foreach (var v in graph.Outputs) readers[v] = false;
        foreach (var n in Enumerable.Reverse(graph.Nodes))
        {
            bool mask = !_chains.ContainsKey(n) && n.Outputs.OfType<Value>().All(v => readers.GetValueOrDefault(v)) && n.Op.Subgraphs.Count == 0;
            if (mask) only.Add(n);
            foreach (var v in n.Inputs.OfType<Value>().Concat(n.Op.Subgraphs.SelectMany(g => g.Captures())))
                readers[v] = readers.GetValueOrDefault(v, true) && (mask || maskings.Contains(n));
        }
        MaskNodes = only;
    }

    /// <summary>The band that the keys of an attention are seen in, or null where its masks are none.</summary>
    /// <param name="chain">The attention.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="b">Types and streams of the wires that masks are made of.</param>
    public AttentionBand? Band(MaskedAttention chain, Pulse keys, StreamBuilder b)
    {
        if (chain.Masks.All(m => m.Wire.Constant is not null)) return Both(chain, 0, b) is { } fixedBand && (b.WholeLength is not { } whole || keys.Time.Length(whole) == fixedBand.Length) ? fixedBand : null;
        foreach (long frames in b.WholeLength is { } n ? [keys.Time.Length(n), .. s_frames] : s_frames)
        {
            long samples = Samples(frames, keys);
            if (keys.Time.Length(samples) < 4 || Both(chain, samples, b) is not { } band || band.Length != keys.Time.Length(samples)) continue;
            if (band.SeesAllFuture || chain.Masks.Any(m => m.Wire.Constant is not null)) return band;
            // A band may reach farther back than a short signal does.
            if (band.SeesAllPast && frames < s_frames[^1] && b.WholeLength is null) continue;
            // Half as long a signal has the same band, or all of the past again.
            return Both(chain, Samples(frames / 2, keys), b) is { } half && half.After == band.After && (half.Before == band.Before || half.SeesAllPast && (band.SeesAllPast || band.Before >= half.Length)) ? band : null;
        }
        return null;
    }

    private static long Samples(long frames, Pulse x)
    {
        long samples = Math.Max(1, (long)(frames * x.Time.Step));
        for (int i = 0; i < 64 && x.Time.Length(samples) < frames; i++) samples += (long)Math.Ceiling((frames - x.Time.Length(samples)) * x.Time.Step);
        return samples;
    }

    private AttentionBand? Both(MaskedAttention chain, long samples, StreamBuilder b)
    {
        AttentionBand? all = null;
        var known = new Dictionary<Value, Tensor?>();
        foreach (var m in chain.Masks)
        {
            var key = (m.Wire, m.HidesWhere, samples);
            if (!_bands.TryGetValue(key, out var band)) _bands[key] = band = Value(m.Wire, samples, b, known) is { } t && (t.DType == DType.Bool) == m.HidesWhere.HasValue ? AttentionBand.Of(t, m.HidesWhere ?? false) : null;
            if (band is null) return null;
            all = all is null ? band : all.With(band);
            if (all is null) return null;
        }
        return all;
    }

    // What a wire holds for a signal of so many samples, where that follows from the length alone.
    private Tensor? Value(Value v, long samples, StreamBuilder b, Dictionary<Value, Tensor?> known)
    {
        if (v.Constant is { } w) return w.Decode();
        if (known.TryGetValue(v, out var t)) return t;
        return known[v] = Compute(v, samples, b, known);
    }

    private Tensor? Compute(Value v, long samples, StreamBuilder b, Dictionary<Value, Tensor?> known)
    {
        if (!_makers.TryGetValue(v, out var n) || n.Op.Kind == OperatorKind.Dynamic || n.Op.IsRandom || b.Pulse(v) is not null) return null;
        if (n.Op.Kind == OperatorKind.OfTypes)
        {
            if (n.Inputs is not [{ } x] || (b.Pulse(x) is { } p ? p.Type with { Shape = p.Type.Shape.With(p.Axis, p.Time.Length(samples)) } : Value(x, samples, b, known)?.Type) is not { } type) return null;
            var infer = new InferContext([type], [null], 1);
            n.Op.Infer(infer);
            return infer.OutputValues[0];
        }
        var inputs = new Tensor?[n.Inputs.Count];
        for (int i = 0; i < inputs.Length; i++)
            if (n.Inputs[i] is { } x && (inputs[i] = Value(x, samples, b, known)) is null) return null;
        try
        {
            return _evaluator.Evaluate(n, inputs)?[IndexOf(n, v)] as Tensor;
        }
        catch (EngineException)
        {
            // A constant that is cut to the length may be shorter than that.
            return null;
        }
    }

    private static int IndexOf(Node n, Value v)
    {
        int i = 0;
        while (n.Outputs[i] != v) i++;
        return i;
    }
}
