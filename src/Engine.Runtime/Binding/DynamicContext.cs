using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>Runs a node whose outputs are known only afterwards; such a node ends a static segment.</summary>
public delegate void DynamicFn(DynamicContext c);

/// <summary>Runs a subgraph on values; captured wires come from the frame around it.</summary>
public delegate IReadOnlyList<RuntimeValue> SubgraphRunner(ModelGraph graph, IReadOnlyList<RuntimeValue> inputs);

/// <summary>Inputs as values, outputs to set.</summary>
public sealed class DynamicContext(Node node, IReadOnlyList<RuntimeValue?> inputs, Workers workers, Func<DType, Shape, Tensor> allocate, SubgraphRunner run, CancellationToken cancellation)
{
    private readonly RuntimeValue?[] _outputs = new RuntimeValue?[node.Outputs.Count];

    /// <summary>The node.</summary>
    public Node Node { get; } = node;

    /// <summary>The pool to split work over; its loops look at <see cref="Cancellation"/>.</summary>
    public Workers Workers { get; } = workers.With(cancellation);

    /// <summary>Checked between iterations.</summary>
    public CancellationToken Cancellation => Workers.Cancellation;

    /// <summary>Results.</summary>
    public IReadOnlyList<RuntimeValue?> Outputs => _outputs;

    /// <summary>Number of inputs, absent ones included.</summary>
    public int InputCount => inputs.Count;

    /// <summary>True when input <paramref name="i"/> is present.</summary>
    public bool Has(int i) => i < inputs.Count && inputs[i] is not null;

    /// <summary>Input <paramref name="i"/>.</summary>
    public RuntimeValue Input(int i) => Has(i) ? inputs[i]! : throw new OperatorException($"input {i} is missing");

    /// <summary>Input <paramref name="i"/> as a tensor.</summary>
    public Tensor Tensor(int i) => Input(i) as Tensor ?? throw new OperatorException($"input {i} is a {Input(i).GetType().Name}, expected a tensor");

    /// <summary>Input <paramref name="i"/> as a sequence.</summary>
    public TensorSequence Sequence(int i) => Input(i) as TensorSequence ?? throw new OperatorException($"input {i} is a {Input(i).GetType().Name}, expected a sequence");

    /// <summary>A tensor of the run's side allocator; zeroed.</summary>
    public Tensor Allocate(DType dtype, Shape shape) => allocate(dtype, shape);

    /// <summary>Sets output <paramref name="i"/>; ignored when the node does not ask for it.</summary>
    public void Set(int i, RuntimeValue value)
    {
        if (i < _outputs.Length) _outputs[i] = value;
    }

    /// <summary>Runs a subgraph of the node; the outputs are copies or side values, safe to keep for the rest of the run.</summary>
    public IReadOnlyList<RuntimeValue> Run(ModelGraph graph, params IReadOnlyList<RuntimeValue> values) => run(graph, values);
}
