namespace Engine.Runtime;

/// <summary>What the planner may do.</summary>
public sealed record PlanOptions
{
    /// <summary>0: node by node, no sharing; 1: fusion, views, in-place, concat by offset; 2: also encodings other than plain.</summary>
    public int Level { get; init; } = 2;

    /// <summary>Output may overwrite an input at its last use.</summary>
    public bool InPlace { get; init; } = true;

    /// <summary>Candidates that are not exact may be taken.</summary>
    public bool AllowInexact { get; init; }

    /// <summary>Largest number of plans kept a segment; the least recently used goes first.</summary>
    public int MaxPlans { get; init; } = 16;

    /// <summary>Largest arena plus constants a plan may ask for, in bytes.</summary>
    public long MaxMemory { get; init; } = long.MaxValue;
}
