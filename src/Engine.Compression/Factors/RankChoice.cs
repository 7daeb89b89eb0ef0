namespace Engine.Compression;

/// <summary>Ranks by rule. Large ranks that are not given are multiples of 16, as wide as kernels' panels are; small ones are multiples of 4.</summary>
internal static class RankChoice
{
    // Below it a matrix has few ranks, and each of them counts: classifiers, the first filters of an image.
    private const int LeastSide = 32;

    private static int Step(double rank) => rank >= 128 ? 16 : rank >= 16 ? 4 : 1;

    /// <summary>The largest rank that comes into question for a [rows, columns]: with more, factors would hold more than the matrix.</summary>
    public static int Most(Factorization f, long rows, long columns) => f.Rule switch
    {
        not RankRule.Number when Math.Min(rows, columns) < LeastSide => 0,
        RankRule.Number => (int)Math.Min(f.Value, Math.Min(rows, columns)),
        RankRule.Part => Down(f.Value * rows * columns / (rows + columns)),
        _ => Down((double)rows * columns / (rows + columns)),
    };

    /// <summary>The rank of a [rows, columns] whose singular values are known as far as they come into question; null where factors would not be smaller.</summary>
    public static int? Of(Factorization f, Svd svd, long rows, long columns)
    {
        int rank = svd.Count;
        if (f.Rule == RankRule.Energy)
        {
            if (Energy(svd, f.Value) is not { } least) return null;
            rank = Math.Min(svd.Count, Up(least));
        }
        return rank >= 1 && rank * (rows + columns) < rows * columns ? rank : null;
    }

    /// <summary>The least rank that keeps a part of the energy, or null where more are needed than are known.</summary>
    public static int? Energy(Svd svd, double part)
    {
        double sum = 0;
        for (int r = 0; r < svd.Count; r++)
            if ((sum += svd.Values[r] * svd.Values[r]) >= part * svd.Energy * (1 - 1e-9)) return r + 1;
        return null;
    }

    /// <summary>A whole step that is no more.</summary>
    public static int Down(double rank) => (int)(rank / Step(rank)) * Step(rank);

    private static int Up(int rank) => (rank + Step(rank) - 1) / Step(rank) * Step(rank);
}
