namespace Engine;

/// <summary>How several streams run together.</summary>
public sealed record StreamGroupOptions
{
    /// <summary>Threads and the like; every thread runs whole batches.</summary>
    public SessionOptions Session { get; init; } = new();

    /// <summary>Streams of a batch; 1 runs each by itself.</summary>
    public int Width { get; init; } = 8;

    /// <summary>Hops of a stream whose results wait to be read; while so many do, the stream does not go on.</summary>
    public int Queue { get; init; } = 2;

    /// <summary>Hops of a stream whose samples wait to run; while so many do, no more are taken.</summary>
    public int Backlog { get; init; } = 2;
}
