using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Which columns of a row share a scale: column k has scale <c>GroupOf[k]</c> of <paramref name="Groups"/>.</summary>
/// <param name="Groups">Scales a row.</param>
/// <param name="GroupOf">Scale of each column.</param>
internal sealed record ColumnGroups(int Groups, int[] GroupOf)
{
    /// <summary>One scale a row.</summary>
    public static ColumnGroups Whole(int columns) => new(1, new int[columns]);

    /// <summary>
    /// Runs of <paramref name="group"/> indices of the axis behind the rows, [channels, taps] flattened: every tap has its own runs, as a
    /// group along one axis of a tensor means.
    /// </summary>
    public static ColumnGroups Runs(int channels, int taps, int group)
    {
        var of = new int[channels * taps];
        for (int c = 0, k = 0; c < channels; c++)
            for (int t = 0; t < taps; t++, k++) of[k] = c / group * taps + t;
        return new((channels + group - 1) / group * taps, of);
    }

    /// <summary>The columns of each scale, in order.</summary>
    public int[][] Members()
    {
        var lists = new List<int>[Groups];
        for (int g = 0; g < Groups; g++) lists[g] = [];
        for (int k = 0; k < GroupOf.Length; k++) lists[GroupOf[k]].Add(k);
        return Array.ConvertAll(lists, l => l.ToArray());
    }
}

/// <summary>Codes of a matrix [rows, columns] with the scales and zero points of its groups: [rows, groups] each.</summary>
internal sealed class CodedMatrix(int rows, int columns, ColumnGroups groups, Scheme scheme)
{
    public int Rows { get; } = rows;

    public int Columns { get; } = columns;

    public ColumnGroups Groups { get; } = groups;

    public Scheme Scheme { get; } = scheme;

    /// <summary>Codes, 0 to 2^bits − 1.</summary>
    public byte[] Codes { get; } = new byte[(long)rows * columns];

    public float[] Scales { get; } = new float[(long)rows * groups.Groups];

    /// <summary>Zero points; the middle of the range where the scheme is symmetric.</summary>
    public byte[] Zeros { get; } = new byte[(long)rows * groups.Groups];

    /// <summary>The values that the codes stand for.</summary>
    public float[] Decode()
    {
        var y = new float[Codes.Length];
        float[]? table = Scheme.Table?.Span<float>().ToArray();
        for (int r = 0, i = 0; r < Rows; r++)
            for (int k = 0; k < Columns; k++, i++)
            {
                int g = r * Groups.Groups + Groups.GroupOf[k];
                y[i] = Scales[g] * (table is null ? Codes[i] - Zeros[g] : table[Codes[i]]);
            }
        return y;
    }
}
