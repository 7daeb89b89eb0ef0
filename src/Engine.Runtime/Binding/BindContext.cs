using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>What a kernel learns when it is bound to a node of a plan: types, encodings, values known by now.</summary>
public sealed class BindContext
{
    private readonly IReadOnlyList<TensorType?> _inputs, _outputs;
    private readonly IReadOnlyList<Tensor?> _values;
    private readonly IReadOnlyList<Weight?> _weights;
    private readonly PackedWeights _packed;
    private readonly List<long> _work = [];
    private readonly HashSet<int> _consumed = [];

    /// <summary>Creates the context of one node.</summary>
    public BindContext(Node node, IReadOnlyList<TensorType?> inputs, IReadOnlyList<TensorType?> outputs, IReadOnlyList<Tensor?> values, IReadOnlyList<Weight?> weights, PackedWeights packed)
    {
        (Node, _inputs, _outputs, _values, _weights, _packed) = (node, inputs, outputs, values, weights, packed);
        InEncodings = [.. inputs.Select(_ => Encoding.Plain)];
    }

    /// <summary>The node.</summary>
    public Node Node { get; }

    /// <summary>Encoding of every input, as the planner chose.</summary>
    public Encoding[] InEncodings { get; init; }

    /// <summary>Threads that pack weights.</summary>
    public Workers Workers { get; init; } = Workers.Single;

    /// <summary>Encoding of output 0.</summary>
    public Encoding OutEncoding { get; init; } = Encoding.Plain;

    /// <summary>Elementwise steps fused into this node; a candidate is offered only when it accepts them.</summary>
    public IReadOnlyList<EpilogueStep> Epilogue => Node.Epilogue;

    /// <summary>Number of inputs, absent ones included.</summary>
    public int InputCount => _inputs.Count;

    /// <summary>Number of outputs, absent ones included.</summary>
    public int OutputCount => _outputs.Count;

    /// <summary>Types of the inputs.</summary>
    public IReadOnlyList<TensorType?> Inputs => _inputs;

    /// <summary>Types of the outputs.</summary>
    public IReadOnlyList<TensorType?> Outputs => _outputs;

    /// <summary>Known values of the inputs.</summary>
    public IReadOnlyList<Tensor?> Values => _values;

    /// <summary>Constant operands as expressions.</summary>
    public IReadOnlyList<Weight?> Weights => _weights;

    /// <summary>Bytes of each workspace reserved so far.</summary>
    public IReadOnlyList<long> WorkBytes => _work;

    /// <summary>The model's packed weights.</summary>
    public PackedWeights PackedWeights => _packed;

    /// <summary>True when input <paramref name="i"/> is present.</summary>
    public bool Has(int i) => i < _inputs.Count && _inputs[i] is not null;

    /// <summary>True when the node asks for output <paramref name="i"/>.</summary>
    public bool HasOut(int i) => i < _outputs.Count && _outputs[i] is not null;

    /// <summary>Type of input <paramref name="i"/>.</summary>
    public TensorType In(int i) => Has(i) ? _inputs[i]! : throw new OperatorException($"input {i} is missing");

    /// <summary>Type of output <paramref name="i"/>.</summary>
    public TensorType Out(int i) => HasOut(i) ? _outputs[i]! : throw new OperatorException($"output {i} is missing");

    /// <summary>The value of input <paramref name="i"/> where it is known at plan time, else null.</summary>
    public Tensor? Value(int i) => i < _values.Count ? _values[i] ?? (_weights[i] is { } w and not Dense ? _packed.Dense(w) : null) : null;

    /// <summary>The constant operand <paramref name="i"/> as an expression, or null when it is computed at run time.</summary>
    public Weight? Weight(int i) => i < _weights.Count ? _weights[i] : null;

    /// <summary>Reserves a workspace in the arena; the number to pass to <see cref="StepContext.Work{T}"/>.</summary>
    public int Work(long bytes)
    {
        _work.Add(bytes);
        return _work.Count - 1;
    }

    /// <summary>
    /// The constant input <paramref name="i"/> in a kernel's own layout: taken from the file or packed once a model, shared by plans and sessions. The
    /// input itself is then not read at run time.
    /// </summary>
    public Tensor Pack(int i, PackedLayout layout, PackFn pack) => Consume(i, w => _packed.Get(w, layout, Workers, pack));

    /// <summary>As <see cref="Pack(int, PackedLayout, PackFn)"/> for <paramref name="part"/>, a weight inside that of input <paramref name="i"/>: whatever holds the same part shares it.</summary>
    public Tensor Pack(int i, Weight part, PackedLayout layout, PackFn pack) => Consume(i, _ => _packed.Get(part, layout, Workers, pack));

    /// <summary>Something small that is made of the input, such as its scales as f32; files do not hold it.</summary>
    public Tensor Pack(int i, string what, Func<Weight, Tensor> make) => Consume(i, w => _packed.Get(w, what, make));

    /// <summary>As <see cref="Pack(int, string, Func{Weight, Tensor})"/> for <paramref name="part"/>, a weight inside that of input <paramref name="i"/>.</summary>
    public Tensor Pack(int i, Weight part, string what, Func<Weight, Tensor> make) => Consume(i, _ => _packed.Get(part, what, make));

    private Tensor Consume(int i, Func<Weight, Tensor> get)
    {
        _consumed.Add(i);
        try
        {
            return get(_weights[i] ?? throw new OperatorException($"input {i} is not constant"));
        }
        catch (InvalidModelException e)
        {
            // A section found damaged when it is first used.
            throw new InvalidModelException($"{Node.Describe()}: {e.Detail}", e.File, e.Offset, e);
        }
    }

    /// <summary>True when the kernel took input <paramref name="i"/> at bind time and does not read it at run time.</summary>
    public bool IsConsumed(int i) => _consumed.Contains(i);

    /// <summary>The error for an element type that this kernel does not compute.</summary>
    public UnsupportedException Unsupported(int input = 0) => new($"{Node.Describe()}: element type {In(input).DType.Display()} of input {input} is not supported");
}
