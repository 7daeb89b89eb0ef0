using Engine.Ptx.Machine;

namespace Engine.Ptx.Code;

/// <summary>What one instruction does to a warp, its operands resolved to places in the register file.</summary>
internal abstract class Operation
{
    /// <summary>Executes for the lanes of <paramref name="mask"/>, which is never 0.</summary>
    public abstract void Execute(Warp warp, uint mask);
}

/// <summary>An operation that lanes execute together.</summary>
internal abstract class ConvergentOperation : Operation
{
    /// <summary>The lanes that have to be there, exited ones aside.</summary>
    public virtual uint Members(Warp warp, uint mask) => uint.MaxValue;
}

/// <summary>What follows an instruction.</summary>
internal enum StepKind
{
    Plain,

    /// <summary>Waits until the named lanes stand here.</summary>
    Convergent,
    Branch,
    BranchIndexed,
    Exit,

    /// <summary>Like <see cref="Convergent"/>; afterwards the warp may have to wait for others.</summary>
    Barrier,
}

/// <summary>An instruction, ready to be executed.</summary>
internal sealed class Step
{
    public StepKind Kind;
    public Operation? Operation;

    /// <summary>Index of the predicate; -1 for none.</summary>
    public int Guard = -1;

    /// <summary>All ones where the guard is negated.</summary>
    public uint GuardFlip;
    public int Target = -1;

    /// <summary>Targets of a branch by index, whose register is <see cref="Index"/>.</summary>
    public int[]? Targets;
    public int Index;
    public required Text.PtxInstruction Source;
}
