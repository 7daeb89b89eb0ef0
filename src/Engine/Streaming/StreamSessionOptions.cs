namespace Engine;

/// <summary>How a stream runs.</summary>
public sealed record StreamSessionOptions
{
    /// <summary>Threads, profiling and the like of the session that runs the hops.</summary>
    public SessionOptions Session { get; init; } = new();

    /// <summary>Hops whose results wait to be read; while so many do, no more samples are taken.</summary>
    public int Queue { get; init; } = 16;
}
