using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// N of every M consecutive elements of a run are kept, as products read them: four kept values come from a window of
/// 4 / N groups, in whose bytes a shuffle finds the four activations.
/// </summary>
/// <param name="N">Values kept a group.</param>
/// <param name="M">Elements a group.</param>
public readonly record struct NmForm(int N, int M)
{
    /// <summary>Kept values that are multiplied at once, a quad.</summary>
    public const int Quad = 4;

    /// <summary>The forms that products of quads know, those with the fewest products first: a window is 8 or 16 elements.</summary>
    public static IReadOnlyList<NmForm> All { get; } = [new(1, 4), new(2, 8), new(4, 16), new(2, 4), new(4, 8), new(1, 2)];

    /// <summary>Elements of a run that a quad comes from.</summary>
    public int Window => Quad / N * M;

    /// <summary>Bits of a stored position: those of all quads of a record lie in one byte.</summary>
    public int IndexBits => M <= 4 ? 2 : 4;

    /// <summary>Quads that share the bytes of their positions.</summary>
    public int Fields => 8 / IndexBits;

    /// <summary>Where the groups of a quad's values begin in its window, a byte each.</summary>
    public uint Offsets
    {
        get
        {
            uint bytes = 0;
            for (int i = 0; i < Quad; i++) bytes |= (uint)(i / N * M) << 8 * i;
            return bytes;
        }
    }

    /// <summary>True when products of quads know the form.</summary>
    public bool IsSupported => All.Contains(this);

    /// <summary>Quads of a run of <paramref name="k"/> elements.</summary>
    public int Quads(int k) => Checked.Int(Checked.CeilDiv(k, Window));

    /// <summary>Bytes that a column's run of quads takes with its positions.</summary>
    public long Depth(int quads) => Quad * (quads + Checked.CeilDiv(quads, Fields));

    /// <summary>Whether positions, not values, lie at a place of a run, counted in quads.</summary>
    internal bool IsPositions(int place) => place % (Fields + 1) == 0;

    /// <summary>Where a quad lies in its column's run, counted in quads: a record's positions come first.</summary>
    internal int Place(int quad) => quad / Fields * (Fields + 1) + 1 + quad % Fields;

    /// <summary>
    /// Packs a column's run of 8-bit codes into memory that was zero: <paramref name="to"/> is its first byte, and its quads lie <paramref name="step"/> bytes
    /// apart. False where a group has more than N codes other than zero.
    /// </summary>
    internal unsafe bool Pack(ReadOnlySpan<sbyte> run, byte* to, nint step)
    {
        for (int q = 0; q < Quads(run.Length); q++)
        {
            byte* values = to + Place(q) * step, positions = to + q / Fields * (Fields + 1) * step;
            int shift = q % Fields * IndexBits;
            for (int g = 0; g < Quad / N; g++)
            {
                int first = q * Window + g * M, kept = 0;
                for (int i = first; i < Math.Min(first + M, run.Length); i++)
                {
                    if (run[i] == 0) continue;
                    if (kept == N) return false;
                    int at = g * N + kept++;
                    values[at] = (byte)run[i];
                    positions[at] |= (byte)(i - first << shift);
                }
            }
        }
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{N}:{M}";
}
