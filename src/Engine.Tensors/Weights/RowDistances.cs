using System.Numerics;

namespace Engine.Tensors;

/// <summary>In how many columns rows of signs differ; up to sign, in how many they differ or agree, whichever are fewer. Kept for as many rows as <c>mostKept</c>, else made when they are asked for.</summary>
internal sealed class RowDistances
{
    /// <summary>Rows whose distances are all kept: 64 MiB.</summary>
    private const int MostKept = 4096;

    private readonly Binary _signs;
    private readonly bool _upToSign;
    private readonly int[] _values;

    public RowDistances(Binary signs, bool upToSign, CancellationToken cancellation, int mostKept = MostKept)
    {
        (_signs, _upToSign, AreKept) = (signs, upToSign, signs.Rows <= mostKept);
        int n = signs.Rows;
        _values = new int[AreKept ? n * n : n];
        for (int a = 0; AreKept && a < n; a++)
        {
            cancellation.ThrowIfCancellationRequested();
            for (int b = 0; b < a; b++) _values[a * n + b] = _values[b * n + a] = Make(a, b);
        }
    }

    public int Count => _signs.Rows;

    public bool AreKept { get; }

    /// <summary>The distances of a row to all, itself included; valid until the next call.</summary>
    public ReadOnlySpan<int> Row(int r)
    {
        int n = Count;
        if (AreKept) return _values.AsSpan(r * n, n);
        for (int b = 0; b < n; b++) _values[b] = Make(r, b);
        return _values;
    }

    private int Make(int a, int b)
    {
        int d = SpanningTree.Distance(_signs.Words.Span<ulong>(), a, b, _signs.WordsPerRow);
        return _upToSign ? Math.Min(d, _signs.Columns - d) : d;
    }
}
