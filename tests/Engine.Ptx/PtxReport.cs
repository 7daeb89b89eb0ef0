namespace Engine.Ptx;

/// <summary>What a launch did.</summary>
public sealed class PtxReport
{
    internal PtxReport(string entry, IReadOnlyList<PtxFault> faults, IReadOnlyDictionary<string, long> instructions, long warpInstructions, long read, long written)
    {
        Entry = entry;
        Faults = faults;
        Instructions = instructions;
        WarpInstructions = warpInstructions;
        GlobalBytesRead = read;
        GlobalBytesWritten = written;
    }

    /// <summary>The kernel.</summary>
    public string Entry { get; }

    /// <summary>What was found, at most 20. A finding that is no race ended the launch.</summary>
    public IReadOnlyList<PtxFault> Faults { get; }

    /// <summary>Whether nothing was found.</summary>
    public bool IsClean => Faults.Count == 0;

    /// <summary>Lane-instructions by opcode with its modifiers.</summary>
    public IReadOnlyDictionary<string, long> Instructions { get; }

    /// <summary>Lane-instructions of all kinds.</summary>
    public long LaneInstructions => Instructions.Values.Sum();

    /// <summary>Instructions of warps, however many lanes took part.</summary>
    public long WarpInstructions { get; }

    /// <summary>Bytes that lanes loaded from global memory, those loaded twice counted twice.</summary>
    public long GlobalBytesRead { get; }

    /// <summary>Bytes that lanes stored to global memory.</summary>
    public long GlobalBytesWritten { get; }

    /// <summary>Throws where something was found.</summary>
    /// <exception cref="PtxFaultException">What was found.</exception>
    public PtxReport Check() => IsClean ? this : throw new PtxFaultException(Faults);
}
