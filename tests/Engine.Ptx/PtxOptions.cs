namespace Engine.Ptx;

/// <summary>When <c>cp.async</c> moves its bytes.</summary>
public enum PtxAsyncMode
{
    /// <summary>As late as is allowed: when the copy's group is waited for.</summary>
    Worst,

    /// <summary>At once.</summary>
    Eager,
}

/// <summary>Which memory is watched for races.</summary>
public enum PtxRaceChecks
{
    /// <summary>None.</summary>
    None,

    /// <summary>Shared memory.</summary>
    Shared,

    /// <summary>Shared and global memory. Blocks then run on one thread.</summary>
    All,
}

/// <summary>How a <see cref="PtxDevice"/> executes.</summary>
public sealed record PtxOptions
{
    /// <summary>Of the order of warps, the lengths of their slices and the noise in memory that nobody wrote.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>When asynchronous copies happen.</summary>
    public PtxAsyncMode AsyncMode { get; init; } = PtxAsyncMode.Worst;

    /// <summary>Which memory is watched for races.</summary>
    public PtxRaceChecks Races { get; init; } = PtxRaceChecks.All;

    /// <summary>Threads of this machine that execute blocks; one where global races are watched.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>The most instructions that a warp executes before another one may.</summary>
    public int Slice { get; init; } = 128;

    /// <summary>Instructions of warps that a launch may execute.</summary>
    public long Budget { get; init; } = 4_000_000_000;

    /// <summary>The most blocks that are under way at a time. Kernels whose blocks wait for each other need all of them.</summary>
    public int ResidentBlocks { get; init; } = 1024;

    /// <summary>Shared memory that a block may have: 227 KiB as on compute capability 9.0.</summary>
    public int MaxSharedBytes { get; init; } = 227 << 10;
}
