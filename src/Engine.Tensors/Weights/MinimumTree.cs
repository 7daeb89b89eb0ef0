namespace Engine.Tensors;

/// <summary>
/// Minimum spanning trees of little depth. The weight is exact. The least depth among all trees of that weight is not to be had: entering a component of near rows at one row or another brings other
/// components nearer, so that a formula of two-literal choices is satisfied by a shallow tree, and such distances are those of some rows of signs (NP-hard).
/// What is done: Prim from every row (of many rows, from the middle of the tree before), ties to the least depth; then the deepest row, or one above it, is hung up elsewhere by an edge of
/// the same weight as long as that lowers it. Where all edges have one weight this is the least depth, as it is breadth first from every row.
/// </summary>
internal static class MinimumTree
{
    // Rows up to which each is tried as the root, and up to which each of those trees is lowered.
    private const int MostRoots = 128, MostLowered = 32;
    private const int MostMiddles = 8;

    // Distances looked at while a tree is lowered: some seconds.
    private const long MostSteps = 1L << 30;

    public static RootedTree Of(RowDistances distances, CancellationToken cancellation)
    {
        int n = distances.Count;
        var best = Prim(distances, 0).FromMiddle();
        if (!distances.AreKept) return best;
        void Try(int root)
        {
            cancellation.ThrowIfCancellationRequested();
            var tree = Prim(distances, root).FromMiddle();
            if (n <= MostLowered) tree = Lowered(tree, distances, cancellation);
            if (tree.Depth < best.Depth) best = tree;
        }
        if (n <= MostRoots) for (int r = 0; r < n; r++) Try(r);
        else
            for (int i = 0, depth = int.MaxValue; i < MostMiddles && best.Depth < depth; i++)
            {
                depth = best.Depth;
                Try(best.Order[0]);
            }
        return Lowered(best, distances, cancellation);
    }

    private static RootedTree Prim(RowDistances distances, int root)
    {
        int n = distances.Count;
        int[] parents = new int[n], nearest = new int[n], level = new int[n];
        var open = new List<int>(n);
        for (int r = 0; r < n; r++)
        {
            (nearest[r], level[r]) = (int.MaxValue, int.MaxValue);
            if (r != root) open.Add(r);
        }
        (parents[root], level[root]) = (-1, 0);
        for (int added = root; open.Count > 0;)
        {
            var row = distances.Row(added);
            int below = level[added] + 1, next = 0;
            for (int i = 0; i < open.Count; i++)
            {
                int r = open[i];
                if (row[r] < nearest[r] || row[r] == nearest[r] && below < level[r]) (nearest[r], level[r], parents[r]) = (row[r], below, added);
                int best = open[next];
                if (nearest[r] < nearest[best] || nearest[r] == nearest[best] && (level[r] < level[best] || level[r] == level[best] && r < best)) next = i;
            }
            added = open[next];
            open[next] = open[^1];
            open.RemoveAt(open.Count - 1);
        }
        return new(parents);
    }

    private static RootedTree Lowered(RootedTree tree, RowDistances distances, CancellationToken cancellation)
    {
        long steps = 0;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            // Each step leaves fewer rows at the greatest depth, or less depth.
            if (steps < MostSteps && Lower(tree, distances, ref steps) is { } lower) tree = lower;
            else if (tree.FromMiddle() is var middle && middle.Depth < tree.Depth) tree = middle;
            else return tree;
        }
    }

    // The deepest row, or one above it with all below it, by another edge of the same weight; null where none brings it up.
    private static RootedTree? Lower(RootedTree tree, RowDistances distances, ref long steps)
    {
        for (int v = tree.Order[^1]; tree.Parents[v] >= 0; v = tree.Parents[v])
        {
            int weight = distances.Row(v)[tree.Parents[v]];
            var below = tree.Below(v);
            int[] reach = Reach(tree, below);
            var inside = new bool[tree.Parents.Length];
            foreach (int r in below) inside[r] = true;
            int depth = tree.Depth, row = -1, parent = -1;
            for (int i = 0; i < below.Count; i++)
            {
                var near = distances.Row(below[i]);
                foreach (int u in tree.Order)
                {
                    if (tree.Levels[u] + 1 + reach[i] >= depth) break;
                    steps++;
                    if (inside[u] || near[u] != weight) continue;
                    (depth, row, parent) = (tree.Levels[u] + 1 + reach[i], below[i], u);
                    break;
                }
            }
            if (row < 0) continue;
            int[] parents = [.. tree.Parents];
            parents[v] = -1;
            RootedTree.Turn(parents, row, parent);
            return new(parents);
        }
        return null;
    }

    // How deep the part would be below each of its rows: the way to the farther end of its longest path.
    private static int[] Reach(RootedTree tree, List<int> rows)
    {
        var place = rows.Select((r, i) => (r, i)).ToDictionary(p => p.r, p => p.i);
        var part = new RootedTree([.. rows.Select((r, i) => i == 0 ? -1 : place[tree.Parents[r]])]);
        var fromEnd = part.From(part.Order[^1]);
        var fromOther = fromEnd.From(fromEnd.Order[^1]);
        return [.. fromEnd.Levels.Zip(fromOther.Levels, Math.Max)];
    }
}
