namespace Engine.Ptx;

/// <summary>The check that a kernel failed.</summary>
public enum PtxFaultKind
{
    /// <summary>An address outside of every buffer, in a guard zone, or outside of the block's shared memory.</summary>
    OutOfBounds,

    /// <summary>An address that is no multiple of the access's size.</summary>
    Misaligned,

    /// <summary>A read of bytes that nobody has written.</summary>
    Unwritten,

    /// <summary>A write to memory that is only to be read.</summary>
    ReadOnly,

    /// <summary>Two threads touch a word, one of them writes, and nothing orders them.</summary>
    Race,

    /// <summary>Bytes that an asynchronous copy has yet to bring were touched.</summary>
    AsyncRace,

    /// <summary>Lanes of a warp stand at different places where they have to execute one instruction together.</summary>
    Divergence,

    /// <summary>Every thread waits.</summary>
    Deadlock,

    /// <summary>More instructions than the launch was allowed.</summary>
    Budget,

    /// <summary>The kernel executed <c>trap</c>, or a value has no meaning to the instruction.</summary>
    Trap,
}

/// <summary>One finding about a kernel.</summary>
/// <param name="Kind">The check that failed.</param>
/// <param name="Module">The module's name.</param>
/// <param name="Entry">The kernel.</param>
/// <param name="Line">The line of the PTX text, from 1; 0 where no single instruction is to blame.</param>
/// <param name="Text">The instruction.</param>
/// <param name="Block">The block, linear.</param>
/// <param name="Thread">The thread in its block, linear; -1 for none in particular.</param>
/// <param name="Message">What happened: address, buffer, the other thread.</param>
public sealed record PtxFault(PtxFaultKind Kind, string Module, string Entry, int Line, string Text, long Block, int Thread, string Message)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{Kind}: {Module}({Line}) {Entry}: '{Text}' block {Block} thread {Thread} (warp {Thread / 32}, lane {Thread % 32}): {Message}";
}
