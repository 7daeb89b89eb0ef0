using Engine.Kernels;
using Engine.Runtime;

namespace Engine;

/// <summary>How a session runs.</summary>
public sealed record SessionOptions
{
    /// <summary>Threads a run is split over, the caller counted; 0 means one a processor. Results do not depend on it.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>How long an idle thread spins before it sleeps, in microseconds, once a loop has ended, and while others still work for an eighth of the time its own work took; 0 sleeps at once.</summary>
    public int SpinMicroseconds { get; init; } = 20;

    /// <summary>Processors to bind the session's own threads to, one after the other, the first standing for the caller, whose thread is left as it is; empty to bind none.</summary>
    public IReadOnlyList<int> Affinity { get; init; } = [];

    /// <summary>A pool shared with other sessions; <see cref="Threads"/>, <see cref="SpinMicroseconds"/> and <see cref="Affinity"/> are then its own. The caller disposes it.</summary>
    public Workers? Pool { get; init; }

    /// <summary>Ranks that low-rank weights keep, a prefix of those that are stored; null for <see cref="ModelOptions.Rank"/>. Sessions of every rank share packed weights.</summary>
    public RankLimit? Rank { get; init; }

    /// <summary>The part of the model that the session begins with, or null for the whole; <see cref="Session.Use"/> changes it.</summary>
    public SubNetwork? SubNetwork { get; init; }

    /// <summary>Adapters that this session adds to the weights as it runs. Sessions share the weights and, where they use the same adapters, plans too.</summary>
    public IReadOnlyList<Adapter> Adapters { get; init; } = [];

    /// <summary>Times every step; see <see cref="Session.Timings"/>.</summary>
    public bool Profile { get; init; }

    /// <summary>Called on the caller's thread after every step of a plan, with the memory it wrote; for checks and traces.</summary>
    public StepObserver? Observe { get; init; }

    /// <summary>Fills dead memory with noise between steps; for tests of kernels and plans.</summary>
    public bool Poison { get; init; }
}
