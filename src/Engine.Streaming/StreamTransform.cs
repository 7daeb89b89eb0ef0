using Engine.Graph;
using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>
/// Turns a model of whole signals, or of windows, into one of hops: every operator's streaming form says what it does with the new frames, delays keep what windows reach back to. A layer without
/// a streaming form is refused, or, where results are those of windows, runs on the whole window every hop, and so does all behind it.
/// </summary>
public sealed class StreamTransform
{
    private readonly ModelGraph _graph;
    private readonly IEvaluator _evaluator;
    private readonly StreamOptions _options;
    private readonly StreamBuilder _b;
    private readonly List<StreamLayer> _layers = [];
    private readonly HashSet<Value> _captured = [];
    private readonly long _hopDelay;
    private readonly BandedAttention _attention;
    private readonly ContinualWindows? _continual;

    private const int MostInputDelays = 128;

    private StreamTransform(ModelGraph graph, StreamOptions options, IEvaluator evaluator, long hopDelay, StreamBands bands, IReadOnlySet<Value> newest)
    {
        (_graph, _options, _evaluator, _hopDelay) = (graph, options, evaluator, hopDelay);
        _b = new(options, evaluator, WholeLength(), hopDelay);
        _attention = new(this, _b, bands);
        if (options.Continual) _continual = new(this, _b, graph, newest, _layers);
    }

    /// <summary>
    /// Makes the plan. Throws <see cref="UnsupportedException"/> with the layer's name and the reason where a layer cannot run on a stream, <see cref="InputException"/> where the options do not fit
    /// the model.
    /// </summary>
    public static StreamPlan Run(ModelGraph graph, StreamOptions options, IEvaluator evaluator)
    {
        if (options.Hop < 0 || options.Window < 0) throw new InputException($"hop {options.Hop} and window {options.Window}: expected 0 or more");
        if (options.AttentionWindow < 0) throw new InputException($"attention window {options.AttentionWindow}: expected 0 or more");
        if ((options.Approximate || options.PartialWindows || options.Continual || options.Misaligned) && options.Window == 0) throw new InputException("approximate, partial, continual and misaligned windows need a window");
        if (options.Approximate && options.Continual) throw new InputException("hops cannot be signals of their own and continue each other");
        if (options.Misaligned && (options.Approximate || options.Hop == 0)) throw new InputException("misaligned windows need a hop, and hops that are not by themselves");
        if (!(options.HighestFrequency is >= 0 and <= 0.5)) throw new InputException($"a highest frequency of {options.HighestFrequency} cycles a sample; expected 0 to 0.5");
        var bands = new StreamBands(graph, evaluator);
        if (options.Misaligned) return Misaligned(graph, options, evaluator, bands);
        if (options.Hop > 0)
            try
            {
                return Aligned(graph, options, evaluator, bands);
            }
            catch (StreamMisalignmentException e)
            {
                throw new UnsupportedException($"{e.Message}; a hop of {options.Hop} samples does not do, multiples of {Smallest(graph, options, evaluator, bands).Hop} do");
            }
        return Smallest(graph, options, evaluator, bands);
    }

    // Where strides divide the hop nothing is misaligned.
    private static StreamPlan Misaligned(ModelGraph graph, StreamOptions options, IEvaluator evaluator, StreamBands bands)
    {
        try
        {
            return Aligned(graph, options, evaluator, bands);
        }
        catch (StreamMisalignmentException)
        {
            var plan = Smallest(graph, options, evaluator, bands);
            return plan.Hop <= options.Hop ? plan.Misaligned(options) : throw new UnsupportedException($"a hop of {options.Hop} samples is less than the {plan.Hop} that strides advance by");
        }
    }

    private static StreamPlan Smallest(ModelGraph graph, StreamOptions options, IEvaluator evaluator, StreamBands bands)
    {
        for (int hop = 1; ;)
            try
            {
                return Aligned(graph, options with { Hop = hop }, evaluator, bands);
            }
            catch (StreamMisalignmentException e)
            {
                hop = Checked.Int(hop * (e.Multiple / (long)System.Numerics.BigInteger.GreatestCommonDivisor(e.Frames, e.Multiple)));
            }
    }

    // A strided layer may need its frames later, to fall as over a whole signal. Waiting at the input, or in a layer that keeps old frames anyway, costs less than before the layer itself.
    private static StreamPlan Aligned(ModelGraph graph, StreamOptions options, IEvaluator evaluator, StreamBands bands)
    {
        var best = Delayed(graph, options, evaluator, bands, 0);
        for (int delay = 1; delay < Math.Min(options.Hop, MostInputDelays) && best.DelayBytes > 0; delay++)
            if (Delayed(graph, options, evaluator, bands, delay) is var other && other.DelayBytes < best.DelayBytes && Latency(other) <= Latency(best)) best = other;
        return best;
    }

    private static double Latency(StreamPlan p) => p.Outputs.Max(o => o.Pulse is { } s ? s.Delay * s.Time.Step : (double)o.HopDelay * p.Hop);

    // Windows at the ends of branches of different delay must end with the same hop.
    private static StreamPlan Delayed(ModelGraph graph, StreamOptions options, IEvaluator evaluator, StreamBands bands, int inputDelay)
    {
        var newest = new HashSet<Value>();
        for (long delay = 0; ;)
        {
            var t = new StreamTransform(graph, options, evaluator, delay, bands, newest);
            var plan = t.Build(inputDelay);
            if (t._b.NeededHopDelay != delay) delay = t._b.NeededHopDelay;
            // What reads but the newest row is known when every node has been seen.
            else if (newest.Count == 0 && t._continual?.Newest() is { Count: > 0 } found) newest = found;
            else return plan;
        }
    }

    private long? WholeLength()
    {
        if (_options.Window > 0) return _options.Window;
        var input = Input();
        if (input.Declared is DeclaredType.Tensor { Dims: { } d } && d.Length > 0)
        {
            int axis = _options.Axis < 0 ? _options.Axis + d.Length : _options.Axis;
            if (axis >= 0 && axis < d.Length && d[axis].IsKnown) return d[axis].Value;
        }
        return null;
    }

    private Value Input()
    {
        if (_options.Input is { } name) return _graph.Inputs.Find(v => v.Name == name) ?? throw new InputException($"the model has no input '{name}'; it takes {Names(_graph.Inputs)}", name);
        var open = _graph.Inputs.Where(v => !_options.Constants.ContainsKey(v.Name) && !_options.Feedback.ContainsKey(v.Name)).ToList();
        return open.Count == 1 ? open[0] : throw new InputException($"which of the inputs {Names(open)} is the stream, which are constants and which the states of outputs must be said");
    }

    private static string Names(IEnumerable<Value> values) => string.Join(", ", values.Select(v => $"'{v.Name}'"));

    private Shape ShapeOf(Value v, int axis)
    {
        if (_options.Shapes.TryGetValue(v.Name, out var given)) return axis < 0 ? given : given.With(Axis(given.Rank), _options.Hop);
        if (v.Declared is not DeclaredType.Tensor { Dims: { } d }) throw new InputException($"input '{v.Name}' has no declared shape; give one", v.Name);
        int at = axis < 0 ? -1 : Axis(d.Length);
        return new Shape([.. d.Select((x, i) => i == at ? _options.Hop : x.IsKnown ? x.Value : i == 0 ? 1 : throw new InputException($"dimension {i} of input '{v.Name}' is open; give a shape", v.Name))]);
    }

    private int Axis(int rank)
    {
        int axis = _options.Axis < 0 ? _options.Axis + rank : _options.Axis;
        return axis >= 0 && axis < rank ? axis : throw new InputException($"axis {_options.Axis} is outside the {rank} axes of the streamed input");
    }

    /// <summary>A constant as an input of a declared type takes it: a single number in its element type and rank, anything else as it is.</summary>
    public static Tensor Constant(Tensor value, DeclaredType? declared)
    {
        if (declared is not DeclaredType.Tensor t || value.Shape.Elements != 1 || t.DType == DType.String || value.DType == DType.String) return value;
        var shape = t.Dims is null ? value.Shape : new Shape([.. t.Dims.Select(_ => 1L)]);
        return value.DType == t.DType ? value.Reshape(shape) : Engine.Graph.Operators.ScalarValue.Fill(t.DType, shape, Engine.Graph.Operators.ScalarValue.ToDouble(value, "a constant"));
    }

    private StreamPlan Build(int inputDelay)
    {
        var stream = Input();
        foreach (string name in _options.Constants.Keys.Concat(_options.Feedback.Keys).Concat(_options.Shapes.Keys))
            if (!_graph.Inputs.Any(v => v.Name == name)) throw new InputException($"the model has no input '{name}'; it takes {Names(_graph.Inputs)}", name);
        var shape = ShapeOf(stream, 0);
        if (stream.Declared is not DeclaredType.Tensor { DType: var dtype }) throw new InputException($"input '{stream.Name}' is no tensor", stream.Name);
        foreach (var v in _graph.Inputs.Concat(_graph.Nodes.SelectMany(n => n.Inputs.Concat(n.Outputs))).OfType<Value>().Distinct()) _b.Unique(v.Name);
        var x = new Value(stream.Name, new DeclaredType.Tensor(dtype, [.. shape.Dims.ToArray().Select(n => new Dim(n))])) { Quantization = stream.Quantization };
        var type = new TensorType(dtype, shape);
        var pulse = new Pulse(x, type, Axis(shape.Rank), _options.Hop, 0, StreamTime.Input);
        _b.Put(stream, x);
        _b.SetType(x, type);
        _b.SetPulse(stream, _b.Delay(pulse, inputDelay, 0, null, stream.Name, out _));
        foreach (var v in _graph.Inputs.Where(v => v != stream)) Other(v);
        foreach (var n in _graph.Nodes)
            if (!_attention.Take(n)) Node(n);
        return Finish(pulse);
    }

    private void Other(Value v)
    {
        if (_options.Constants.TryGetValue(v.Name, out var t))
        {
            v.Constant = new Dense(Constant(t, v.Declared));
            return;
        }
        if (!_options.Feedback.TryGetValue(v.Name, out var output)) throw new InputException($"input '{v.Name}' is neither the stream, nor a constant, nor the state of an output", v.Name);
        if (!_graph.Outputs.Any(o => o.Name == output)) throw new InputException($"the model has no output '{output}'; it gives {Names(_graph.Outputs)}", output);
        if (v.Declared is not DeclaredType.Tensor { DType: var dtype }) throw new InputException($"input '{v.Name}' is no tensor", v.Name);
        _b.Put(v, _b.State(v.Name, new TensorType(dtype, ShapeOf(v, -1)), null, 0, inPlace: false, v));
    }

    internal void Gave(StreamNode c, string op, StreamForm form)
    {
        foreach (var (i, p) in c.Given) _b.SetPulse(c.Node.Outputs[i]!, p);
        _layers.Add(new(c.Node.Name, op, form, c.Given.Count > 0 ? c.Given.Values.First().Delay : 0, c.StateBytes, c.Deviation) { Step = c.Given.Count > 0 ? c.Given.Values.First().Time.Step : 1 });
    }

    internal void Node(Node n)
    {
        if (_options.Window == 0 && n.Op is Engine.Graph.Operators.Loop && n.Input(0) is { } trips)
            n = LoopScan.Of(n, v => _b.Pulse(v) is not null, _b.Known(_b.Wire(trips)), v => _b.WholeLength is { } whole ? _b.Pulse(v)!.Time.Length(whole) : null) ?? n;
        if (n.Op.Subgraphs.SelectMany(g => g.Captures()).Any(v => _b.Pulse(v) is not null))
        {
            const string Reason = "a branch or loop inside it reads the stream";
            if (_options.Window == 0) throw Refused(n, Reason);
            Window(n, Reason);
            return;
        }
        if (_continual?.Take(n) == true) return;
        if (!n.Inputs.Any(v => v is not null && _b.Pulse(v) is not null))
        {
            Copy(n);
            return;
        }
        if (n.Op.Kind == OperatorKind.OfTypes && ShapeIsKnown(n)) return;
        var c = new StreamNode(_b, n);
        try
        {
            n.Op.Stream(c);
            Gave(c, n.Op.ToString(), c.Given.Count == 0 && c.Windowed ? StreamForm.Window : _options.Approximate && IsWindow(n) || c.Deviation.Length > 0 ? StreamForm.Approximate : StreamForm.Exact);
        }
        catch (StreamRefusalException e)
        {
            if (_options.Window == 0) throw Refused(n, e.Message);
            if (_continual?.Rowwise(n) != true) Window(n, e.Message);
        }
    }

    private static bool IsWindow(Node n) => n.Op is Engine.Graph.Operators.Conv or Engine.Graph.Operators.Pool;

    internal static UnsupportedException Refused(Node n, string reason) => new($"{n.Describe()} cannot run on a stream: {reason}");

    // Lengths of the stream are −1 in the shapes that the model computes.
    private bool ShapeIsKnown(Node n)
    {
        var p = _b.Pulse(n.Inputs[0]!)!;
        if (n.Outputs[0] is not { } y) return true;
        var infer = new InferContext([p.Type], [null], 1);
        n.Op.Infer(infer);
        if (infer.OutputValues[0] is not { } value || n.Op is not Engine.Graph.Operators.ShapeOf shape) return false;
        var dims = value.ToLongs();
        int first = shape.First(p.Type.Shape.Rank), at = p.Axis - first;
        bool holds = at >= 0 && at < dims.Length;
        if (holds) dims[at] = -1;
        var wire = Value.Of(_b.Unique(y.Name), Tensor.Vector<long>(dims));
        _b.Put(y, wire);
        _b.Learn(wire, wire.ConstantTensor!, holds);
        return true;
    }

    internal void Copy(Node n, IReadOnlyDictionary<Value, Value>? windows = null)
    {
        foreach (var v in n.Outputs) if (v is not null) _b.Put(v, v);
        try
        {
            _b.Add(new Node(n.Name, n.Op, [.. n.Inputs.Select(v => v is null ? null : windows?.GetValueOrDefault(v) ?? _b.Wire(v))], n.Outputs) { Epilogue = n.Epilogue });
        }
        catch (StreamRefusalException e)
        {
            throw Refused(n, e.Message);
        }
    }

    // All streams of a node as whole windows that end with a hop; what the node gives is no stream any more.
    private void Window(Node n, string reason)
    {
        long bytes = 0;
        var windows = new Dictionary<Value, Value>();
        foreach (var v in Reads(n).Where(v => _b.Pulse(v) is not null))
        {
            try
            {
                windows[v] = _b.Window(_b.Pulse(v)!, n.Name, out long state);
                bytes += state;
            }
            catch (StreamRefusalException e)
            {
                throw Refused(n, $"{reason}, and {e.Message}");
            }
            // Branches and bodies read the model's own wire.
            if (n.Op.Subgraphs.Count > 0 && _captured.Add(v)) _b.Add(new Node(_b.Unique($"{v.Name}.window"), new Engine.Graph.Operators.Identity(Attributes.None), [windows[v]], [v]));
        }
        Copy(n, windows);
        _layers.Add(new(n.Name, n.Op.ToString(), StreamForm.Window, 0, bytes, reason));
    }

    private static IEnumerable<Value> Reads(Node n) => n.Inputs.OfType<Value>().Concat(n.Op.Subgraphs.SelectMany(g => g.Captures())).Distinct();

    private StreamPlan Finish(Pulse input)
    {
        var graph = _b.Graph;
        var results = _graph.Outputs.Select(_b.Wire).ToHashSet();
        _b.DropUnread(results);
        graph.Inputs.Add(input.Wire);
        if (_b.VisibleInput is { } visible)
        {
            visible.Declared = new DeclaredType.Tensor(DType.I64, [new Dim(1), new Dim(_b.Visible.Count), new Dim(2)]);
            graph.Inputs.Add(visible);
        }
        var outputs = new List<StreamOutput>();
        foreach (var v in _graph.Outputs)
        {
            if (_options.Feedback.Values.Contains(v.Name)) continue;
            graph.Outputs.Add(_b.Wire(v));
            outputs.Add(new(v.Name, _b.Pulse(v), _b.FirstHop, _hopDelay));
        }
        foreach (var (inputName, output) in _options.Feedback) _b.Next(_b.Wire(_graph.Inputs.First(v => v.Name == inputName)), _b.Wire(_graph.Outputs.First(v => v.Name == output)));
        foreach (var (state, wire, next) in _b.States)
        {
            wire.Declared = new DeclaredType.Tensor(state.Type.DType, [.. state.Type.Shape.Dims.ToArray().Select(n => new Dim(n))]);
            graph.Inputs.Add(wire);
            graph.Outputs.Add(next ?? throw new InvalidModelException($"state '{state.Name}' has no next value"));
        }
        return new StreamPlan { Graph = graph, Input = input, States = [.. _b.States.Select(s => s.State)], VisibleInput = _b.VisibleInput, Visible = _b.Visible, Outputs = outputs, Layers = _layers, DelayBytes = _b.DelayBytes, Options = _options };
    }
}
