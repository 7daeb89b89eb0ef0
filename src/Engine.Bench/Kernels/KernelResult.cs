using System.Globalization;

namespace Engine.Bench;

/// <summary>What was timed.</summary>
internal enum KernelRole
{
    /// <summary>A tier that the dispatcher leaves.</summary>
    Tier,

    /// <summary>The tier that it takes.</summary>
    Pick,

    /// <summary>Our kernel for dense operands, on a tier.</summary>
    Dense,

    /// <summary>Another engine.</summary>
    Peer,
}

/// <summary>The time of one tier, or of a peer.</summary>
/// <param name="Tier">Its name.</param>
/// <param name="Role">What it is.</param>
/// <param name="Times">Nanoseconds a run.</param>
/// <param name="ToPick">Its time over the pick's, measured in turn; the interval is empty where one of them was too slow for that.</param>
internal sealed record KernelTime(string Tier, KernelRole Role, Samples Times, PairedRatio ToPick)
{
    public double Median => Times.Percentile(50);
}

/// <summary>All tiers of a kernel on one shape with one number of threads.</summary>
/// <param name="Family">The kernel.</param>
/// <param name="Dims">The shape.</param>
/// <param name="Threads">Pinned threads.</param>
/// <param name="Work">What a run does.</param>
/// <param name="Limit">The limit that it meets first.</param>
/// <param name="LimitNanoseconds">A run's time at that limit, measured in turn with the tiers.</param>
/// <param name="Times">The tiers, best first, then peers.</param>
internal sealed record KernelResult(KernelFamily Family, int[] Dims, int Threads, KernelWork Work, LimitKind Limit, double LimitNanoseconds, IReadOnlyList<KernelTime> Times)
{
    // What the pick may lag the fastest tier by.
    private const double LargestLag = 1.05;

    public string Shape => string.Join('x', Dims);

    /// <summary>Why the dispatcher should have picked another tier, or null: one is faster by more than 5 %, and the whole interval says so.</summary>
    public string? Lag()
    {
        var fastest = Times.Where(t => t.Role is KernelRole.Tier or KernelRole.Pick).MinBy(t => t.ToPick.High)!;
        return fastest.ToPick.High * LargestLag >= 1 ? null : string.Create(CultureInfo.InvariantCulture,
            $"{Family.Stem} {Shape}, {Threads} threads: the pick {Times.First(t => t.Role == KernelRole.Pick).Tier} takes {1 / fastest.ToPick.Median:0.00} times as long as {fastest.Tier}");
    }
}
