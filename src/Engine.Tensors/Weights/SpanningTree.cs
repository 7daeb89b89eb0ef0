using System.Numerics;

namespace Engine.Tensors;

/// <summary>A tree over rows of signs of which some are taken with the other sign: row r of the weight is row r of the tree, times −1 where <see cref="Negated"/> says so.</summary>
/// <param name="Tree">The tree.</param>
/// <param name="Negated">Rows of the tree that are the opposite of the weight's.</param>
public sealed record SignedTree(BinaryTree Tree, bool[] Negated)
{
    /// <summary>What a threshold of the weight's row is for sums of the tree's: the sign is −1 below it, or above it where <paramref name="above"/>; direction · (s − t) &lt; 0 is −direction · (−s + t) &lt; 0.</summary>
    public (int Threshold, bool Above) Turn(int row, int threshold, bool above) =>
        // No sum is as small or as large: never, either way.
        Negated[row] ? (threshold == int.MinValue ? int.MaxValue : -threshold, !above) : (threshold, above);

    /// <summary>Scales of sums of the weight's row from 0 on, and of those below, as scales of sums of the tree's: they change places.</summary>
    public (float Scale, float Below) Turn(int row, float scale, float below) => Negated[row] ? (-below, -scale) : (scale, below);
}

/// <summary>
/// Minimum spanning trees over rows of signs, by the number of columns in which two rows differ. The sum over the edges is the least there is. Among the trees of that sum one of little depth is taken, the root in the middle of
/// its longest path; the least depth of all of them is NP-hard to find, and is found where all edges have one weight. The same signs give the same tree. Distances take rows² · columns / 128 operations;
/// of more than 4,096 rows they are not kept, and the depth is that of one tree.
/// </summary>
public static class SpanningTree
{
    /// <summary>The signs as a tree, rows' shape and type kept.</summary>
    public static BinaryTree Of(Binary signs, CancellationToken cancellation = default) => new(signs, Find(signs, false, cancellation));

    /// <summary>The least tree where rows may take the other sign, as their products then do: two rows are as near as they are to each other or to each other's opposite.</summary>
    public static SignedTree UpToSign(Binary signs, CancellationToken cancellation = default)
    {
        var tree = Find(signs, true, cancellation);
        int words = signs.WordsPerRow;
        var negated = new bool[signs.Rows];
        var turned = signs.Words.Clone();
        Span<ulong> to = turned.Span<ulong>();
        ulong last = signs.Columns % 64 == 0 ? ulong.MaxValue : (1ul << signs.Columns % 64) - 1;
        foreach (int r in tree.Order.AsSpan(1))
        {
            if (2L * Distance(to, r, tree.Parents[r], words) <= signs.Columns) continue;
            negated[r] = true;
            var row = to.Slice(r * words, words);
            foreach (ref ulong w in row) w = ~w;
            row[^1] &= last;
        }
        return new(new(new Binary(signs.Shape, turned, signs.DType), tree), negated);
    }

    /// <summary>Columns in which two rows of <paramref name="words"/> words differ.</summary>
    public static int Distance(ReadOnlySpan<ulong> signs, int a, int b, int words)
    {
        ReadOnlySpan<ulong> x = signs.Slice(a * words, words), y = signs.Slice(b * words, words);
        int d = 0;
        for (int i = 0; i < x.Length; i++) d += BitOperations.PopCount(x[i] ^ y[i]);
        return d;
    }

    private static RootedTree Find(Binary signs, bool upToSign, CancellationToken cancellation) =>
        signs.Rows == 0 ? throw new UnsupportedException("a tree has a row at least") : MinimumTree.Of(new(signs, upToSign, cancellation), cancellation);
}
