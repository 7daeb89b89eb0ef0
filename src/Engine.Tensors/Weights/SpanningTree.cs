using System.Numerics;

namespace Engine.Tensors;

/// <summary>
/// A minimum spanning tree over rows of signs, by the number of columns in which two rows differ (Prim, on distances made when they are needed: rows² · columns / 128 operations).
/// Of rows equally near the one of the lower number comes first, its parent the one nearest to the start; the root is the middle of the longest path, so that no
/// root of this tree has less depth.
/// </summary>
public static class SpanningTree
{
    /// <summary>The signs as a tree, rows' shape and type kept.</summary>
    public static BinaryTree Of(Binary signs)
    {
        int rows = signs.Rows, words = signs.WordsPerRow;
        if (rows == 0) throw new UnsupportedException("a tree has a row at least");
        var w = signs.Words.Span<ulong>();
        int[] parents = Centered(Prim(w, rows, words), out int root);
        var starts = new int[rows + 1];
        for (int r = 0; r < rows; r++) starts[r + 1] = Checked.Int((long)starts[r] + (parents[r] < 0 ? 0 : Distance(w, r, parents[r], words)));
        var flips = Tensor.Allocate(signs.Columns <= ushort.MaxValue + 1 ? DType.U16 : DType.I32, new Shape(starts[rows]));
        for (int r = 0, at = 0; r < rows; r++)
        {
            if (parents[r] < 0) continue;
            for (int i = 0; i < words; i++)
                for (ulong x = w[r * words + i] ^ w[parents[r] * words + i]; x != 0; x &= x - 1, at++)
                {
                    int column = 64 * i + BitOperations.TrailingZeroCount(x);
                    if (flips.DType == DType.U16) flips.Span<ushort>()[at] = (ushort)column;
                    else flips.Span<int>()[at] = column;
                }
        }
        var rootWords = Tensor.Allocate(DType.U64, new Shape(words));
        w.Slice(root * words, words).CopyTo(rootWords.Span<ulong>());
        return new(signs.Shape, Tensor.Vector<int>(parents), rootWords, Tensor.Vector<int>(starts), flips, signs.DType);
    }

    /// <summary>Columns in which two rows of <paramref name="words"/> words differ.</summary>
    public static int Distance(ReadOnlySpan<ulong> signs, int a, int b, int words)
    {
        ReadOnlySpan<ulong> x = signs.Slice(a * words, words), y = signs.Slice(b * words, words);
        int d = 0;
        for (int i = 0; i < x.Length; i++) d += BitOperations.PopCount(x[i] ^ y[i]);
        return d;
    }

    private static int[] Prim(ReadOnlySpan<ulong> w, int rows, int words)
    {
        int[] parents = new int[rows], nearest = new int[rows], depth = new int[rows];
        var done = new bool[rows];
        Array.Fill(nearest, int.MaxValue);
        parents[0] = -1;
        for (int added = 0, count = 1; count <= rows; count++)
        {
            done[added] = true;
            if (parents[added] >= 0) depth[added] = depth[parents[added]] + 1;
            int next = -1;
            for (int r = 0; r < rows; r++)
            {
                if (done[r]) continue;
                int d = Distance(w, r, added, words);
                if (d < nearest[r] || d == nearest[r] && depth[added] < depth[parents[r]]) (nearest[r], parents[r]) = (d, added);
                if (next < 0 || nearest[r] < nearest[next]) next = r;
            }
            added = next;
        }
        return parents;
    }

    // The tree hung up at the middle of a longest path.
    private static int[] Centered(int[] parents, out int root)
    {
        int n = parents.Length;
        var edges = new List<int>[n];
        for (int r = 0; r < n; r++) edges[r] = [];
        for (int r = 0; r < n; r++)
            if (parents[r] >= 0)
            {
                edges[r].Add(parents[r]);
                edges[parents[r]].Add(r);
            }
        var (end, _) = Farthest(edges, 0);
        var (other, up) = Farthest(edges, end);
        int length = 0;
        for (int r = other; up[r] >= 0; r = up[r]) length++;
        root = other;
        for (int i = 0; i < length / 2; i++) root = up[root];
        return Farthest(edges, root).Parents;
    }

    private static (int End, int[] Parents) Farthest(List<int>[] edges, int from)
    {
        var parents = new int[edges.Length];
        parents[from] = -1;
        var queue = new Queue<int>([from]);
        int last = from;
        while (queue.TryDequeue(out int r))
        {
            last = r;
            foreach (int e in edges[r])
            {
                if (e == parents[r]) continue;
                parents[e] = r;
                queue.Enqueue(e);
            }
        }
        return (last, parents);
    }
}
