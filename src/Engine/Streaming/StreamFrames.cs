namespace Engine;

/// <summary>Results of a hop for one output, copied: see <see cref="StreamResult"/>.</summary>
/// <param name="Output">Name of the output.</param>
/// <param name="Index">Number of the first frame, or of the hop that a window ends with.</param>
/// <param name="Frames">Frames; 1 for a window.</param>
/// <param name="Sample">The newest sample that the last frame depends on.</param>
/// <param name="Values">The frames one after the other.</param>
public sealed record StreamFrames(string Output, long Index, int Frames, double Sample, float[] Values)
{
    internal static StreamFrames Of(in StreamResult r)
    {
        var values = new float[r.Frames * r.FrameElements];
        r.CopyTo(values.AsSpan());
        return new(r.Output.Name, r.Index, r.Frames, r.Sample, values);
    }
}
