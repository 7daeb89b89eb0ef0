using Engine.Tensors;

namespace Engine.Tests;

public class SpanningTreeTests
{
    [Fact]
    public void Is_the_same_signs_by_the_fewest_differences_its_root_in_the_middle()
    {
        for (int seed = 0; seed < 30; seed++)
        {
            var r = new Random(seed);
            var signs = SlicedOperands.Weight(r, new Shape(r.Next(1, 40), r.Next(1, 150)), r.Next(40, 100));
            var tree = SpanningTree.Of(signs);
            Assert.Equal(signs.Words.Span<ulong>().ToArray(), tree.ToBinary().Words.Span<ulong>().ToArray());
            Assert.Equal(signs.Decode().Span<float>().ToArray(), tree.Decode().Span<float>().ToArray());
            Assert.Equal(Kruskal(signs, upToSign: false), tree.Differences);
            var parents = tree.Parents.Span<int>().ToArray();
            Assert.Equal(Enumerable.Range(0, signs.Rows).Min(root => Depth(parents, root)), tree.Depth);
            Assert.Equal(parents, SpanningTree.Of(signs).Parents.Span<int>().ToArray());
            GC.KeepAlive(signs);
        }
    }

    [Fact]
    public void Rows_may_take_the_other_sign()
    {
        int shorter = 0;
        for (int seed = 0; seed < 30; seed++)
        {
            var r = new Random(seed);
            var signs = WithOpposites(SlicedOperands.Weight(r, new Shape(r.Next(1, 40), r.Next(1, 150)), r.Next(40, 100)), r);
            var (tree, negated) = SpanningTree.UpToSign(signs);
            float[] expected = signs.Decode().Span<float>().ToArray(), actual = tree.Decode().Span<float>().ToArray();
            Assert.Equal(expected, actual.Select((v, i) => negated[i / signs.Columns] ? -v : v));
            Assert.Equal(Kruskal(signs, upToSign: true), tree.Differences);
            Assert.False(negated[tree.Root]);
            if (tree.Differences < SpanningTree.Of(signs).Differences) shorter++;
        }
        Assert.True(shorter > 20);
    }

    // Every tree of six rows by its Pruefer code.
    [Fact]
    public void Small_trees_have_the_least_depth_of_all_of_least_weight()
    {
        const int Rows = 6;
        (int A, int B)[][] all = [.. Codes(Rows)];
        int trees = 0;
        for (int seed = 0; seed < 150; seed++)
        {
            var r = new Random(seed);
            // Few columns: many edges of one weight.
            var signs = SlicedOperands.Weight(r, new Shape(Rows, r.Next(2, 12)), r.Next(0, 80));
            var tree = SpanningTree.Of(signs);
            int depth = int.MaxValue;
            var distances = new RowDistances(signs, upToSign: false, CancellationToken.None);
            int[][] apart = [.. Enumerable.Range(0, Rows).Select(i => distances.Row(i).ToArray())];
            foreach (var edges in all)
            {
                int sum = 0;
                foreach (var (a, b) in edges) sum += apart[a][b];
                if (sum != tree.Differences) continue;
                trees++;
                depth = Math.Min(depth, Radius(edges, Rows));
            }
            Assert.True(depth == tree.Depth, $"seed {seed}: depth {tree.Depth}, {depth} is possible");
        }
        Assert.True(trees > 1000);
    }

    [Fact]
    public void Rows_all_equally_far_are_a_star()
    {
        // Row r differs from zeros in columns of its own.
        var w = Tensor.Allocate(DType.U64, new Shape(90, 3));
        w.Bytes.Clear();
        for (int i = 0; i < 90; i++) w.Span<ulong>()[3 * i + 2 * i / 64] |= 3ul << 2 * i % 64;
        var tree = SpanningTree.Of(new Binary(new Shape(90, 180), w));
        Assert.Equal((1, 89 * 4L), (tree.Depth, tree.Differences));
    }

    [Fact]
    public void Distances_that_are_not_kept_give_the_least_sum_too()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var r = new Random(seed);
            var signs = SlicedOperands.Weight(r, new Shape(r.Next(1, 40), r.Next(1, 150)), r.Next(40, 100));
            var distances = new RowDistances(signs, upToSign: false, CancellationToken.None, mostKept: 0);
            var tree = MinimumTree.Of(distances, CancellationToken.None);
            Assert.Equal(Kruskal(signs, upToSign: false), Enumerable.Range(0, signs.Rows).Where(i => tree.Parents[i] >= 0).Sum(i => (long)distances.Row(i)[tree.Parents[i]]));
        }
    }

    [Fact]
    public void What_is_smaller_is_stored()
    {
        var r = new Random(3);
        BinaryTree far = SpanningTree.Of(SlicedOperands.Weight(r, new Shape(30, 500), 30)), near = SpanningTree.Of(SlicedOperands.Weight(r, new Shape(30, 500), 99));
        Assert.True(far is { Words: not null, Flips: null, RootWords: null, Starts: null } && near is { Words: null, Flips: not null, RootWords: not null, Starts: not null });
        var again = new BinaryTree(near.Shape, near.Parents, near.ToBinary().Words);
        Assert.Equal((near.Differences, near.Depth, near.Root), (again.Differences, again.Depth, again.Root));
        Assert.Equal(near.Decode().Span<float>().ToArray(), again.Decode().Span<float>().ToArray());
        Assert.True(near.StoredBytes < again.StoredBytes);
    }

    [Fact]
    public void It_can_be_cancelled()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => SpanningTree.Of(SlicedOperands.Weight(new Random(1), new Shape(9, 9), 50), source.Token));
    }

    [Fact]
    public void A_tree_needs_a_row() => Assert.Throws<UnsupportedException>(() => SpanningTree.Of(new Binary(new Shape(0, 5), Tensor.Allocate(DType.U64, new Shape(0)))));

    // Every second row turned round, padding bits zero.
    private static Binary WithOpposites(Binary signs, Random r)
    {
        var w = signs.Words.Clone();
        for (int i = 0; i < w.Shape.Count; i++)
        {
            int last = signs.Columns - (i % signs.WordsPerRow) * 64;
            if (i / signs.WordsPerRow % 2 == 0) w.Span<ulong>()[i] ^= last >= 64 ? ulong.MaxValue : (1ul << last) - 1;
        }
        return new(signs.Shape, w);
    }

    private static long Kruskal(Binary signs, bool upToSign)
    {
        int n = signs.Rows;
        int[] set = [.. Enumerable.Range(0, n)];
        int Find(int i) => set[i] == i ? i : set[i] = Find(set[i]);
        int Apart(int a, int b) => SpanningTree.Distance(signs.Words.Span<ulong>(), a, b, signs.WordsPerRow) is var d && upToSign ? Math.Min(d, signs.Columns - d) : d;
        long sum = 0;
        foreach (var (d, a, b) in (from a in Enumerable.Range(0, n) from b in Enumerable.Range(0, a) select (Apart(a, b), a, b)).Order())
        {
            if (Find(a) == Find(b)) continue;
            set[Find(a)] = Find(b);
            sum += d;
        }
        return sum;
    }

    private static IEnumerable<(int A, int B)[]> Codes(int rows)
    {
        int count = (int)Math.Pow(rows, rows - 2);
        var code = new int[rows - 2];
        for (int i = 0; i < count; i++)
        {
            for (int k = 0, rest = i; k < code.Length; k++, rest /= rows) code[k] = rest % rows;
            var degree = new int[rows];
            Array.Fill(degree, 1);
            foreach (int c in code) degree[c]++;
            var edges = new (int, int)[rows - 1];
            for (int k = 0; k < code.Length; k++)
            {
                int leaf = Array.IndexOf(degree, 1);
                edges[k] = (leaf, code[k]);
                degree[leaf]--;
                degree[code[k]]--;
            }
            int one = Array.IndexOf(degree, 1);
            edges[^1] = (one, Array.IndexOf(degree, 1, one + 1));
            yield return edges;
        }
    }

    // Half of the longest path, rounded up.
    private static int Radius((int A, int B)[] edges, int rows)
    {
        var away = new int[rows, rows];
        for (int a = 0; a < rows; a++)
            for (int b = 0; b < rows; b++) away[a, b] = a == b ? 0 : rows;
        foreach (var (a, b) in edges) away[a, b] = away[b, a] = 1;
        int longest = 0;
        for (int k = 0; k < rows; k++)
            for (int a = 0; a < rows; a++)
                for (int b = 0; b < rows; b++) away[a, b] = Math.Min(away[a, b], away[a, k] + away[k, b]);
        foreach (int d in away) longest = Math.Max(longest, d);
        return (longest + 1) / 2;
    }

    private static int Depth(int[] parents, int root)
    {
        var edges = Enumerable.Range(0, parents.Length).Where(i => parents[i] >= 0).SelectMany(i => ((int, int)[])[(i, parents[i]), (parents[i], i)]).ToLookup(e => e.Item1, e => e.Item2);
        int Below(int at, int from) => edges[at].Where(e => e != from).Select(e => 1 + Below(e, at)).DefaultIfEmpty(0).Max();
        return Below(root, -1);
    }
}
