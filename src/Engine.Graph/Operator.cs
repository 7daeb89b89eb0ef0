using Engine.Graph.Streaming;

namespace Engine.Graph;

/// <summary>Arithmetic and memory traffic of one execution.</summary>
/// <param name="Operations">Multiplies and adds counted separately.</param>
/// <param name="Bytes">Bytes read and written, constants included.</param>
public readonly record struct Cost(double Operations, double Bytes)
{
    /// <summary>Sum of two costs.</summary>
    public static Cost operator +(Cost a, Cost b) => new(a.Operations + b.Operations, a.Bytes + b.Bytes);
}

/// <summary>How a node's outputs come to be; see <see cref="Operator.Kind"/>.</summary>
public enum OperatorKind
{
    /// <summary>Output types follow from input types and the values of a few inputs.</summary>
    Static,
    /// <summary>Output types are known only after the operator has run, or values are no plain tensors.</summary>
    Dynamic,
    /// <summary>Output 0 is input 0's bytes under another shape.</summary>
    View,
    /// <summary>Output values follow from input types alone; nothing is run.</summary>
    OfTypes,
}

/// <summary>
/// An operator with its attributes: everything it says about itself, in one file. It knows types and cost, never how it is
/// computed: backends bind it to kernels by its .NET type.
/// </summary>
public abstract class Operator(Attributes attributes)
{
    /// <summary>Operator type as models name it.</summary>
    public abstract string Name { get; }

    /// <summary>Domain; empty for ONNX's own.</summary>
    public virtual string Domain => "";

    /// <summary>The attributes this operator was read from; kept so that a graph can be stored again.</summary>
    public Attributes Attributes { get; } = attributes;

    /// <summary>How outputs come to be.</summary>
    public virtual OperatorKind Kind => OperatorKind.Static;

    /// <summary>True when equal inputs may give different outputs (random numbers): never folded.</summary>
    public virtual bool IsRandom => false;

    /// <summary>True when elements are only moved or copied, never computed: such an operator serves every element type, strings included.</summary>
    public virtual bool MovesData => false;

    /// <summary>True when output 0 has input <c>i</c>'s shape and element i depends on elements i alone, so that output may overwrite input.</summary>
    public virtual bool IsElementwise => false;

    /// <summary>Graphs that the operator runs.</summary>
    public virtual IReadOnlyList<ModelGraph> Subgraphs => [];

    /// <summary>
    /// States output types from input types. A rule that needs the value of an input asks for it and returns when it is not known;
    /// the planner then calls again once it is. Throws <see cref="Tensors.OperatorException"/> when the inputs do not fit.
    /// </summary>
    public abstract void Infer(InferContext c);

    /// <summary>Operations and bytes for the given types; the default is one operation an output element.</summary>
    public virtual Cost Cost(InferContext c) => new(c.OutputElements, c.TotalBytes);

    /// <summary>
    /// The streaming form: says through <paramref name="c"/> which nodes do the operator's work on the frames of a hop, so that a stream of hops gives what the operator gives of the whole signal.
    /// Throws <see cref="StreamRefusalException"/> where there is none. Elementwise operators have one by themselves.
    /// </summary>
    public virtual void Stream(StreamContext c)
    {
        if (!IsElementwise) throw c.Refuse("it has no streaming form");
        StreamForms.Join(c);
    }

    /// <inheritdoc/>
    public override string ToString() => Domain.Length == 0 ? Name : $"{Domain}.{Name}";
}
