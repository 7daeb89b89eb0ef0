namespace Engine.Graph.Streaming;

/// <summary>Why an operator cannot run on a stream.</summary>
public sealed class StreamRefusalException(string reason, Node? node = null) : Exception(reason)
{
    /// <summary>The node, where it is known.</summary>
    public Node? Node { get; } = node;
}

/// <summary>A wire brings <see cref="Frames"/> frames a hop where a multiple of <see cref="Multiple"/> is needed.</summary>
public sealed class StreamMisalignmentException(string node, int frames, long multiple) : Exception($"{node}: {frames} frames a hop are no multiple of {multiple}")
{
    /// <summary>Frames a hop.</summary>
    public int Frames { get; } = frames;

    /// <summary>What they must be a multiple of.</summary>
    public long Multiple { get; } = multiple;
}
