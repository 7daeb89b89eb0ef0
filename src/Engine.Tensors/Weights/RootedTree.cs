namespace Engine.Tensors;

/// <summary>A tree by the parent of each row, −1 for the root, with the rows from the top down.</summary>
internal sealed class RootedTree
{
    /// <summary>Takes parents that form one tree.</summary>
    public RootedTree(int[] parents)
    {
        (Parents, Order, Levels) = (parents, TopDown(parents), new int[parents.Length]);
        foreach (int r in Order.AsSpan(1)) Levels[r] = Levels[parents[r]] + 1;
    }

    public int[] Parents { get; }

    /// <summary>Rows, each after its parent, those of a level together.</summary>
    public int[] Order { get; }

    /// <summary>Edges from the root to each row.</summary>
    public int[] Levels { get; }

    /// <summary>Edges from the root to the farthest row.</summary>
    public int Depth => Levels[Order[^1]];

    /// <summary>The same edges with another root.</summary>
    public RootedTree From(int root)
    {
        int[] parents = [.. Parents];
        Turn(parents, root, -1);
        return new(parents);
    }

    /// <summary>The same edges, the root in the middle of a longest path: no root has less depth.</summary>
    public RootedTree FromMiddle()
    {
        var fromEnd = From(Order[^1]);
        int middle = fromEnd.Order[^1];
        for (int i = fromEnd.Depth / 2; i > 0; i--) middle = fromEnd.Parents[middle];
        return From(middle);
    }

    /// <summary>The row itself and all below it, from the top down.</summary>
    public List<int> Below(int row)
    {
        var inside = new bool[Parents.Length];
        List<int> rows = [];
        foreach (int r in Order)
        {
            if (r != row && (Parents[r] < 0 || !inside[Parents[r]])) continue;
            inside[r] = true;
            rows.Add(r);
        }
        return rows;
    }

    /// <summary>Hangs a row below <paramref name="parent"/>, and the rows above it below it.</summary>
    public static void Turn(int[] parents, int row, int parent)
    {
        while (row >= 0) (row, parent, parents[row]) = (parents[row], row, parent);
    }

    /// <summary>Breadth first from the root, children by a counting sort on parents. Throws where the parents are not those of one tree.</summary>
    public static int[] TopDown(ReadOnlySpan<int> parents)
    {
        int n = parents.Length, root = -1;
        var first = new int[n + 1];
        for (int r = 0; r < n; r++)
        {
            int p = parents[r];
            if (p < -1 || p >= n) throw new InvalidModelException($"parent {p} of row {r} is no row");
            if (p < 0 && root >= 0) throw new InvalidModelException($"there are two roots, rows {root} and {r}");
            if (p < 0) root = r;
            else first[p + 1]++;
        }
        if (n == 0) return [];
        if (root < 0) throw new InvalidModelException("there is no root");
        for (int r = 0; r < n; r++) first[r + 1] += first[r];
        var children = new int[n];
        var next = first.AsSpan(0, n).ToArray();
        for (int r = 0; r < n; r++) if (parents[r] >= 0) children[next[parents[r]]++] = r;
        var order = new int[n];
        order[0] = root;
        int reached = 1;
        for (int i = 0; i < reached; i++)
            for (int c = first[order[i]]; c < first[order[i] + 1]; c++) order[reached++] = children[c];
        // Rows not reached are on a cycle.
        return reached == n ? order : throw new InvalidModelException("parents form a cycle");
    }
}
