namespace Engine.Compression;

/// <summary>
/// Columns in the order in which error compensation meets them. Columns of one run follow each other: which of them become zero is decided where the run begins.
/// </summary>
internal sealed class ColumnOrder
{
    private readonly int[] _runEnd;

    private ColumnOrder(int[] columns, int[] runEnd) => (Columns, _runEnd) = (columns, runEnd);

    /// <summary>The column at each place.</summary>
    public int[] Columns { get; }

    /// <summary>One past the last place of the run at a place where one begins.</summary>
    public int RunEnd(int place) => _runEnd[place];

    /// <summary>True where a run begins.</summary>
    public bool Begins(int place) => place == 0 || _runEnd[place - 1] == place;

    /// <summary>The last place at which a run begins, or the end, no more than <paramref name="most"/> places on.</summary>
    public int BlockEnd(int from, int most)
    {
        int to = Math.Min(Columns.Length, from + most);
        while (to < Columns.Length && !Begins(to)) to--;
        return to;
    }

    /// <summary>Runs as they come, or those first whose columns have the largest sums on the diagonal of <paramref name="h"/> [columns, columns].</summary>
    public static ColumnOrder Of(int[][] runs, float[] h, int columns, bool byInput)
    {
        double Strength(int[] run) => run.Sum(k => (double)h[(long)k * columns + k]);
        int[][] ordered = byInput ? [.. runs.OrderByDescending(Strength)] : runs;
        var ends = new int[columns];
        int at = 0;
        foreach (int[] run in ordered)
        {
            ends.AsSpan(at, run.Length).Fill(at + run.Length);
            at += run.Length;
        }
        return new([.. ordered.SelectMany(r => r)], ends);
    }

    /// <summary>Runs of up to <paramref name="m"/> consecutive channels of one tap, of columns [channels, taps]; with one, every column is for itself.</summary>
    public static int[][] Channels(int columns, int taps, int m)
    {
        var runs = new List<int[]>();
        int channels = columns / taps;
        for (int c = 0; c < channels; c += m)
            for (int t = 0; t < taps; t++) runs.Add([.. Enumerable.Range(c, Math.Min(m, channels - c)).Select(i => i * taps + t)]);
        return [.. runs];
    }
}
