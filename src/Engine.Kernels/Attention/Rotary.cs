namespace Engine.Kernels;

/// <summary>Rotary position embedding of one head: pairs of elements turn by the angles of a position.</summary>
public static class Rotary
{
    /// <summary>
    /// Turns the first 2 · cos.Length elements of <paramref name="x"/>, pairing neighbours when interleaved, else halves; the rest is
    /// copied. y may be x.
    /// </summary>
    public static void Turn(ReadOnlySpan<float> x, ReadOnlySpan<float> cos, ReadOnlySpan<float> sin, bool interleaved, Span<float> y)
    {
        int half = cos.Length;
        for (int i = 0; i < half; i++)
        {
            var (a, b) = interleaved ? (2 * i, 2 * i + 1) : (i, i + half);
            var (p, q) = (x[a], x[b]);
            y[a] = p * cos[i] - q * sin[i];
            y[b] = p * sin[i] + q * cos[i];
        }
        x[(2 * half)..].CopyTo(y[(2 * half)..]);
    }
}
