using Engine.Graph;

namespace Engine.Runtime;

/// <summary>
/// One way to run a node: a kernel stem with the encodings it accepts and produces. A node has several; the planner picks one and
/// inserts Convert steps where neighbours disagree.
/// </summary>
/// <param name="Stem">Name of the kernel.</param>
/// <param name="Bind">Makes the step for concrete types.</param>
public sealed record Candidate(string Stem, Func<BindContext, StepFn> Bind)
{
    /// <summary>Encoding wanted for each input; missing or null entries mean plain.</summary>
    public IReadOnlyList<Encoding?> Accepts { get; init; } = [];

    /// <summary>Encoding of output 0.</summary>
    public Encoding Produces { get; init; } = Encoding.Plain;

    /// <summary>Encoding of output 1 and all behind it.</summary>
    public Encoding ProducesBeside { get; init; } = Encoding.Plain;

    /// <summary>The input on which output 0 may lie, in its encoding: each element is read before it is written, by who writes it; −1 where there is none.</summary>
    public int Overwrites { get; init; } = -1;

    /// <summary>Estimated nanoseconds; null takes the operator's cost at a default rate.</summary>
    public double? Nanoseconds { get; init; }

    /// <summary>False when results may differ from the operator's definition beyond rounding; taken only with consent.</summary>
    public bool Exact { get; init; } = true;

    /// <summary>True when the kernel applies the node's <see cref="Node.Epilogue"/>; otherwise the planner runs its steps after it.</summary>
    public bool FusesEpilogue { get; init; }

    /// <summary>What of a constant operand's form the kernel makes use of, as <c>2:4</c>; null for kernels of dense operands and of codes.</summary>
    public string? Structure { get; init; }

    /// <summary>Which of several ways to compute the same this is, as <c>packed</c>; null where an operator has one.</summary>
    public string? Execution { get; init; }

    /// <summary>Encoding wanted for input <paramref name="i"/>.</summary>
    public Encoding Accept(int i) => i < Accepts.Count ? Accepts[i] ?? Encoding.Plain : Encoding.Plain;
}
