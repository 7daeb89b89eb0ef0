namespace Engine.Kernels;

/// <summary>
/// Vectors in f32 by batch entry, head and position: element i of (b, n, s) is at b · batch + n · head + s · row + i · element, so that heads
/// are read where they lie, split or not.
/// </summary>
public readonly unsafe struct HeadRows(float* data, nint batch, nint head, nint row, nint element = 1)
{
    /// <summary>True when the operand is left out.</summary>
    public bool IsNull => data == null;

    /// <summary>Floats from a position to the next.</summary>
    public nint Row => row;

    /// <summary>Floats from an element to the next; 0 where one serves them all.</summary>
    public nint Element => element;

    /// <summary>True when all heads of a batch entry are the same memory.</summary>
    public bool SharesHeads => head == 0;

    /// <summary>The vector of a position.</summary>
    public float* At(int b, int n, int s) => data + b * batch + n * head + s * row;
}

/// <summary>Keys to hide, as bytes in the layout of <see cref="HeadRows"/>: where a byte is nonzero equals <paramref name="hidden"/>, the score becomes <paramref name="fill"/>.</summary>
public readonly unsafe struct HeadFlags(byte* data, nint batch, nint head, nint row, nint element, bool hidden, float fill)
{
    /// <summary>True when there are none.</summary>
    public bool IsNull => data == null;

    /// <summary>Replaces the hidden ones of the scores of keys from <paramref name="first"/> on.</summary>
    public void Apply(int b, int n, int s, int first, Span<float> scores)
    {
        byte* flags = data + b * batch + n * head + s * row + first * element;
        if (element == 0)
        {
            if (*flags != 0 == hidden) scores.Fill(fill);
            return;
        }
        for (int i = 0; i < scores.Length; i++) scores[i] = flags[i * element] != 0 == hidden ? fill : scores[i];
    }
}

/// <summary>
/// The operands of attention. Scores are q·kᵀ times the scale, then hidden by <see cref="Flags"/>, then <see cref="Bias"/> and
/// <see cref="Mask"/> are added: an addend a key each, which may be absent.
/// </summary>
public struct AttentionOperands
{
    /// <summary>Queries, keys, values; one vector a position.</summary>
    public HeadRows Q, K, V;

    /// <summary>Addends of the scores.</summary>
    public HeadRows Bias, Mask;

    /// <summary>Hidden keys.</summary>
    public HeadFlags Flags;

    /// <summary>Results; elements next to each other.</summary>
    public HeadRows Y;
}
