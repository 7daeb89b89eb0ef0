using Engine.Graph;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>Memory that a buffer lies in.</summary>
public enum Region
{
    /// <summary>The session's arena, reused between buffers.</summary>
    Arena,
    /// <summary>A constant of the model or of the plan.</summary>
    Constant,
    /// <summary>A value handed in: a graph input or a result of an earlier segment.</summary>
    Input,
    /// <summary>A value handed out.</summary>
    Output,
}

/// <summary>One step: a kernel with its operands.</summary>
/// <param name="Name">Node name, or what was converted or copied.</param>
/// <param name="Operator">Operator with its epilogue, as in <c>Conv+Add+Relu</c>; <c>Convert</c> and <c>Copy</c> for inserted steps.</param>
/// <param name="Stem">Kernel.</param>
/// <param name="Run">The bound kernel.</param>
/// <param name="Inputs">Where operands lie.</param>
/// <param name="Outputs">Where results lie.</param>
/// <param name="Work">Where workspaces lie.</param>
/// <param name="Cost">Operations and bytes.</param>
public sealed record PlanStep(string Name, string Operator, string Stem, StepFn Run, ArgRef[] Inputs, ArgRef[] Outputs, ArgRef[] Work, Cost Cost)
{
    /// <summary>The node, null for inserted steps.</summary>
    public Node? Node { get; init; }

    /// <summary>Type and encoding of output 0, for tables.</summary>
    public string OutputDescription { get; init; } = "";

    /// <summary>Types and encodings of the operands, constants as expressions; for tables.</summary>
    public string Operands { get; init; } = "";

    /// <summary>What the step writes, one entry for each of <see cref="Outputs"/>; null for an output left out.</summary>
    public IReadOnlyList<StepOutput?> OutputTypes { get; init; } = [];

    /// <summary>Expressions of the constant operands, for tables.</summary>
    public string Scheme { get; init; } = "";

    /// <summary>Why the kernel of a constant operand's form was not taken; empty where it was, or there is no such form.</summary>
    public string FormNotTaken { get; init; } = "";

    /// <summary>What each <see cref="Candidate.Execution"/> of the node was estimated to take, the one chosen first; empty where there is one way only.</summary>
    public string Executions { get; init; } = "";

    /// <summary>Bytes of constant operands.</summary>
    public long WeightBytes { get; init; }
}

/// <summary>A result of a step: the logical tensor and how it lies in memory.</summary>
public sealed record StepOutput(TensorType Type, Encoding Encoding);

/// <summary>Called after a step with the memory that it read and wrote, and when it started and ended (<see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>).</summary>
public delegate void StepObserver(PlanStep step, in StepContext context, long started, long ended);

/// <summary>One buffer of a plan, for reports and checks.</summary>
/// <param name="Name">The wires that share it.</param>
/// <param name="Type">Type and encoding of the first.</param>
/// <param name="Region">Where it lies.</param>
/// <param name="Offset">Byte offset in the arena.</param>
/// <param name="Bytes">Length.</param>
/// <param name="First">First step that writes it.</param>
/// <param name="Last">Last step that reads it.</param>
/// <param name="IsWorkspace">True for scratch memory of one step.</param>
public sealed record PlanBuffer(string Name, string Type, Region Region, long Offset, long Bytes, int First, int Last, bool IsWorkspace);

/// <summary>
/// A straight list of steps over fixed memory for concrete types: immutable, shared by sessions. It ends with the graph, or with a
/// node that runs on values, after which another plan takes over.
/// </summary>
public sealed class Plan
{
    internal Plan() { }

    /// <summary>Steps in order.</summary>
    public required IReadOnlyList<PlanStep> Steps { get; init; }

    /// <summary>Bytes of the arena.</summary>
    public required long ArenaBytes { get; init; }

    /// <summary>Largest sum of buffers live at one step, workspaces included: no arena can be smaller.</summary>
    public required long LowerBound { get; init; }

    /// <summary>Largest workspace of a step.</summary>
    public required long WorkspaceBytes { get; init; }

    /// <summary>Every buffer.</summary>
    public required IReadOnlyList<PlanBuffer> Buffers { get; init; }

    /// <summary>Names of the wires handed in.</summary>
    public IReadOnlyList<string> InputNames => [.. Live.Select(v => v.Name)];

    internal IReadOnlyList<Value> Live { get; init; } = [];

    internal PlanKey Key { get; init; } = null!;

    internal IReadOnlyList<Tensor> Constants { get; init; } = [];

    internal IReadOnlyList<PlanOutput> Outputs { get; init; } = [];

    internal IReadOnlyList<(Value Wire, Tensor Value)> KnownOutputs { get; init; } = [];

    internal Node? Tail { get; init; }

    internal IReadOnlyList<Value?> TailInputs { get; init; } = [];

    internal SegmentSource? Next { get; init; }

    internal IReadOnlyDictionary<Value, Value> Aliases { get; init; } = new Dictionary<Value, Value>();

    /// <summary>Memory that <see cref="ArgRef.Slot"/> stands for.</summary>
    public Region RegionOf(int slot) => slot == 0 ? Region.Arena : slot < FirstInputSlot ? Region.Constant : slot < FirstOutputSlot ? Region.Input : Region.Output;

    // Pointer table: arena, constants, inputs, outputs.
    internal int FirstInputSlot => 1 + Constants.Count;

    internal int FirstOutputSlot => FirstInputSlot + Live.Count;

    internal int SlotCount => FirstOutputSlot + Outputs.Count;

    /// <summary>The node that ends this plan and runs on values, or null.</summary>
    public string? EndsAt => Tail?.Describe() ?? (Next is null ? null : "a value that later shapes depend on");
}

/// <summary>A wire that a plan hands out.</summary>
internal sealed record PlanOutput(Value Wire, TensorType Type);
