using Engine.Tensors;

namespace Engine.Tests;

public class SpanningTreeTests
{
    [Fact]
    public void Is_the_same_signs_by_the_fewest_differences_and_of_least_depth()
    {
        for (int seed = 0; seed < 30; seed++)
        {
            var r = new Random(seed);
            var signs = SlicedOperands.Weight(r, new Shape(r.Next(1, 40), r.Next(1, 150)), r.Next(40, 100));
            var tree = SpanningTree.Of(signs);
            Assert.Equal(signs.Words.Span<ulong>().ToArray(), tree.ToBinary().Words.Span<ulong>().ToArray());
            Assert.Equal(signs.Decode().Span<float>().ToArray(), tree.Decode().Span<float>().ToArray());
            Assert.Equal(Kruskal(signs), tree.Flips.Shape.Elements);
            var parents = tree.Parents.Span<int>().ToArray();
            Assert.Equal(Enumerable.Range(0, signs.Rows).Min(root => Depth(parents, root)), Depth(parents, tree.Root));
            Assert.Equal(parents, SpanningTree.Of(signs).Parents.Span<int>().ToArray());
        }
    }

    [Fact]
    public void A_tree_needs_a_row() => Assert.Throws<UnsupportedException>(() => SpanningTree.Of(new Binary(new Shape(0, 5), Tensor.Allocate(DType.U64, new Shape(0)))));

    private static long Kruskal(Binary signs)
    {
        int n = signs.Rows;
        int[] set = [.. Enumerable.Range(0, n)];
        int Find(int i) => set[i] == i ? i : set[i] = Find(set[i]);
        long sum = 0;
        foreach (var (d, a, b) in (from a in Enumerable.Range(0, n) from b in Enumerable.Range(0, a) select (SpanningTree.Distance(signs.Words.Span<ulong>(), a, b, signs.WordsPerRow), a, b)).Order())
        {
            if (Find(a) == Find(b)) continue;
            set[Find(a)] = Find(b);
            sum += d;
        }
        return sum;
    }

    private static int Depth(int[] parents, int root)
    {
        var edges = Enumerable.Range(0, parents.Length).Where(i => parents[i] >= 0).SelectMany(i => ((int, int)[])[(i, parents[i]), (parents[i], i)]).ToLookup(e => e.Item1, e => e.Item2);
        int Below(int at, int from) => edges[at].Where(e => e != from).Select(e => 1 + Below(e, at)).DefaultIfEmpty(0).Max();
        return Below(root, -1);
    }
}
