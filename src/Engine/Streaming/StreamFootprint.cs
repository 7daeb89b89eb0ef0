namespace Engine;

/// <summary>Memory that a stream takes, in bytes.</summary>
/// <param name="States">What its layers keep from hop to hop.</param>
/// <param name="Samples">Samples of the hops that wait to run.</param>
/// <param name="Results">Results that were made so far and wait to be read, or are written next.</param>
/// <param name="Shared">Its share of what streams use together: arenas, and batches of states.</param>
public readonly record struct StreamFootprint(long States, long Samples, long Results, long Shared)
{
    /// <summary>All of it.</summary>
    public long Total => States + Samples + Results + Shared;
}
