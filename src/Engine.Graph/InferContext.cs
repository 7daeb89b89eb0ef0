using Engine.Tensors;

namespace Engine.Graph;

/// <summary>What an operator's rule sees (input types, values where known) and says (output types, values where it can tell).</summary>
public sealed class InferContext
{
    private readonly IReadOnlyList<TensorType?> _inputs;
    private readonly IReadOnlyList<Tensor?> _values;
    private readonly TensorType?[] _outputs;
    private readonly Tensor?[] _outputValues;

    /// <summary>Creates the context of one node.</summary>
    public InferContext(IReadOnlyList<TensorType?> inputs, IReadOnlyList<Tensor?> values, int outputs)
    {
        (_inputs, _values) = (inputs, values);
        _outputs = new TensorType?[outputs];
        _outputValues = new Tensor?[outputs];
    }

    /// <summary>Inputs whose values the rule asked for and did not get.</summary>
    public List<int> Missing { get; } = [];

    /// <summary>Types the rule stated.</summary>
    public IReadOnlyList<TensorType?> Outputs => _outputs;

    /// <summary>Values the rule stated (Shape, Size), or null.</summary>
    public IReadOnlyList<Tensor?> OutputValues => _outputValues;

    /// <summary>Number of inputs, absent ones included.</summary>
    public int InputCount => _inputs.Count;

    /// <summary>Number of outputs asked for, absent ones included.</summary>
    public int OutputCount => _outputs.Length;

    /// <summary>True when input <paramref name="i"/> is present.</summary>
    public bool Has(int i) => i < _inputs.Count && _inputs[i] is not null;

    /// <summary>Type of input <paramref name="i"/>; throws when it is absent.</summary>
    public TensorType In(int i) => Has(i) ? _inputs[i]! : throw new OperatorException($"input {i} is missing");

    /// <summary>Shape of input <paramref name="i"/>.</summary>
    public Shape Shape(int i) => In(i).Shape;

    /// <summary>Element type of input <paramref name="i"/>.</summary>
    public DType DType(int i) => In(i).DType;

    /// <summary>The value of input <paramref name="i"/>; when it is not known the demand is noted and the rule must return.</summary>
    public bool TryValue(int i, out Tensor value)
    {
        In(i);
        value = i < _values.Count ? _values[i]! : null!;
        if (value is null) Missing.Add(i);
        return value is not null;
    }

    /// <summary>The value of input <paramref name="i"/> when it happens to be known; no demand.</summary>
    public Tensor? PeekValue(int i) => i < _values.Count ? _values[i] : null;

    /// <summary>As <see cref="TryValue"/>, for integer inputs.</summary>
    public bool TryLongs(int i, out long[] values)
    {
        bool ok = TryValue(i, out var t);
        values = ok ? t.ToLongs() : [];
        return ok;
    }

    /// <summary>States the type of output <paramref name="i"/>; ignored when the node does not ask for that output.</summary>
    public void Set(int i, DType dtype, Shape shape)
    {
        if (i < _outputs.Length) _outputs[i] = new TensorType(dtype, shape);
    }

    /// <summary>States the type of output <paramref name="i"/>.</summary>
    public void Set(int i, TensorType type) => Set(i, type.DType, type.Shape);

    /// <summary>States type and value of output <paramref name="i"/>, for results that follow from types alone.</summary>
    public void SetValue(int i, Tensor value)
    {
        Set(i, value.DType, value.Shape);
        if (i < _outputValues.Length) _outputValues[i] = value;
    }

    /// <summary>Throws unless input <paramref name="i"/> has one of the given element types.</summary>
    public void Require(int i, params ReadOnlySpan<DType> allowed)
    {
        var t = DType(i);
        foreach (var a in allowed) if (a == t) return;
        throw new OperatorException($"input {i} has element type {t.Display()}, expected {string.Join(" or ", allowed.ToArray().Select(a => a.Display()))}");
    }

    /// <summary>Throws unless input <paramref name="i"/> has rank <paramref name="rank"/>.</summary>
    public void RequireRank(int i, int rank)
    {
        if (Shape(i).Rank != rank) throw new OperatorException($"input {i} has shape {Shape(i)}, expected rank {rank}");
    }

    /// <summary>Throws unless the inputs share one element type.</summary>
    public void RequireSame(int i, int j)
    {
        if (Has(i) && Has(j) && DType(i) != DType(j)) throw new OperatorException($"inputs {i} and {j} have element types {DType(i).Display()} and {DType(j).Display()}, expected the same");
    }

    /// <summary>Elements of all outputs.</summary>
    public double OutputElements => _outputs.Sum(t => (double)(t?.Elements ?? 0));

    /// <summary>Bytes of all inputs and outputs.</summary>
    public double TotalBytes => _inputs.Concat(_outputs).Sum(t => t is null || t.DType == Tensors.DType.String ? 0.0 : t.Bytes);
}
