using Engine.Graph;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>The types of a node, for candidates to decide by.</summary>
public sealed record NodeTypes(Node Node, IReadOnlyList<TensorType?> Inputs, IReadOnlyList<TensorType?> Outputs, IReadOnlyList<Tensor?> Values, IReadOnlyList<Weight?> Weights)
{
    /// <summary>Grid of every input wire that has one; may be shorter than <see cref="Inputs"/>.</summary>
    public IReadOnlyList<WireQuantization?> InputQuantization { get; init; } = [];

    /// <summary>Grid of every output wire that has one; may be shorter than <see cref="Outputs"/>.</summary>
    public IReadOnlyList<WireQuantization?> OutputQuantization { get; init; } = [];

    /// <summary>Grid of input <paramref name="i"/>, or null.</summary>
    public WireQuantization? InGrid(int i) => i < InputQuantization.Count ? InputQuantization[i] : null;

    /// <summary>Grid of output <paramref name="i"/>, or null.</summary>
    public WireQuantization? OutGrid(int i) => i < OutputQuantization.Count ? OutputQuantization[i] : null;

    /// <summary>True when input <paramref name="i"/> is present.</summary>
    public bool Has(int i) => i < Inputs.Count && Inputs[i] is not null;

    /// <summary>Type of input <paramref name="i"/>.</summary>
    public TensorType In(int i) => Inputs[i]!;

    /// <summary>Type of output <paramref name="i"/>.</summary>
    public TensorType Out(int i) => Outputs[i]!;
}

/// <summary>Makes the step that converts a wire of a logical type from one encoding to another, or null when it cannot.</summary>
public delegate StepFn? EncodingConverter(TensorType type, Encoding from, Encoding to);

/// <summary>Estimated nanoseconds of a conversion that a converter makes.</summary>
public delegate double ConversionEstimate(TensorType type, Encoding from, Encoding to);

/// <summary>Which kernels run which operator, by the operator's .NET type.</summary>
public sealed class KernelRegistry
{
    private readonly Dictionary<Type, Func<NodeTypes, IEnumerable<Candidate>>> _static = [];
    private readonly Dictionary<Type, DynamicFn> _dynamic = [];
    private readonly List<(EncodingConverter Find, ConversionEstimate? Nanoseconds)> _converters = [];

    /// <summary>Creates an empty registry, or a copy of <paramref name="from"/> to extend.</summary>
    public KernelRegistry(KernelRegistry? from = null)
    {
        if (from is null) return;
        foreach (var (k, v) in from._static) _static[k] = v;
        foreach (var (k, v) in from._dynamic) _dynamic[k] = v;
        _converters.AddRange(from._converters);
    }

    /// <summary>One plain kernel.</summary>
    public KernelRegistry Add<TOp>(string stem, Func<TOp, BindContext, StepFn> bind) where TOp : Operator =>
        AddCandidates<TOp>((op, _) => [new Candidate(stem, b => bind(op, b))]);

    /// <summary>Several candidates, best guess first.</summary>
    public KernelRegistry AddCandidates<TOp>(Func<TOp, NodeTypes, IEnumerable<Candidate>> candidates) where TOp : Operator
    {
        _static.Add(typeof(TOp), n => candidates((TOp)n.Node.Op, n));
        return this;
    }

    /// <summary>More candidates for an operator whose kernels are registered already: for encodings that another family brings.</summary>
    public KernelRegistry Extend<TOp>(Func<TOp, NodeTypes, IEnumerable<Candidate>> candidates) where TOp : Operator
    {
        var own = _static[typeof(TOp)];
        _static[typeof(TOp)] = n => own(n).Concat(candidates((TOp)n.Node.Op, n));
        return this;
    }

    /// <summary>Of an operator's candidates keeps those of <paramref name="keep"/>, or all where it keeps none: to run one kernel where another would be chosen.</summary>
    public KernelRegistry Prefer<TOp>(Func<Candidate, bool> keep) where TOp : Operator
    {
        var own = _static[typeof(TOp)];
        _static[typeof(TOp)] = n => own(n).ToList() is var all && all.Where(keep).ToList() is { Count: > 0 } kept ? kept : all;
        return this;
    }

    /// <summary>A kernel for an operator with data-dependent outputs, or for a static operator's string form.</summary>
    public KernelRegistry AddDynamic<TOp>(Action<TOp, DynamicContext> run) where TOp : Operator
    {
        _dynamic.Add(typeof(TOp), c => run((TOp)c.Node.Op, c));
        return this;
    }

    /// <summary>A kernel between encodings: input 0 to output 0. Without <paramref name="nanoseconds"/> the planner goes by the bytes moved.</summary>
    public KernelRegistry AddConverter(EncodingConverter converter, ConversionEstimate? nanoseconds = null)
    {
        _converters.Add((converter, nanoseconds));
        return this;
    }

    /// <summary>The step that converts, or null when there is none.</summary>
    public StepFn? Converter(TensorType type, Encoding from, Encoding to) => Converter(type, from, to, out _);

    /// <summary>The step that converts and what it is estimated to take, or null where its converter does not say.</summary>
    public StepFn? Converter(TensorType type, Encoding from, Encoding to, out double? nanoseconds)
    {
        nanoseconds = null;
        foreach (var (find, estimate) in _converters)
            if (find(type, from, to) is { } fn)
            {
                nanoseconds = estimate?.Invoke(type, from, to);
                return fn;
            }
        return null;
    }

    /// <summary>Candidates for a node; empty when there is none.</summary>
    public IEnumerable<Candidate> Candidates(NodeTypes node) => _static.TryGetValue(node.Node.Op.GetType(), out var f) ? f(node) : [];

    /// <summary>The dynamic kernel of an operator, or null.</summary>
    public DynamicFn? Dynamic(Operator op) => _dynamic.GetValueOrDefault(op.GetType());

    /// <summary>True when the operator has any kernel.</summary>
    public bool Runs(Operator op) => op.Kind is OperatorKind.View or OperatorKind.OfTypes || _static.ContainsKey(op.GetType()) || _dynamic.ContainsKey(op.GetType());
}
