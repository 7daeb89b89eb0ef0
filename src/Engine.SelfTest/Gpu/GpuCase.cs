namespace Engine.SelfTest;

/// <summary>One kernel on one shape: the launcher runs it on a device and the results are compared with a computation in binary64 on the CPU.</summary>
/// <param name="Stem">The kernel's file.</param>
/// <param name="Entry">The entry that the launch is meant to reach.</param>
/// <param name="Shape">What is computed, for people.</param>
/// <param name="Run">Uploads, launches, compares.</param>
public sealed record GpuCase(string Stem, string Entry, string Shape, Action<GpuCaseContext> Run)
{
    /// <summary>Name of the case, unique.</summary>
    public string Name => $"{Entry} {Shape}";

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Every case.</summary>
public static class GpuCases
{
    /// <summary>All cases, stem by stem; each entry of the manifest has twenty and more.</summary>
    public static IReadOnlyList<GpuCase> All { get; } = [.. ElementwiseCases.All(), .. CastCases.All(), .. MovementCases.All(), .. ReductionCases.All(), .. NormCases.All(), .. GemmCases.All(), .. LowBitCases.All(), .. CodeCases.All(), .. ConvCases.All(), .. PoolCases.All(), .. GatherCases.All(), .. BinaryCases.All(), .. AttentionCases.All()];
}
