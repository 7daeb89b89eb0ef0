using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>One index of a product of constants; axes that share it run together.</summary>
internal sealed class ProductIndex(long extent)
{
    public long Extent { get; } = extent;
}

/// <summary>
/// A constant as a product of smaller ones, element by element: an axis is a row of indices, outermost first; a factor has one index an axis, none where
/// the extent is 1; indices that no axis names are summed over. So a product can be followed through operators that only move its elements, without being made.
/// </summary>
internal sealed record IndexedProduct(IReadOnlyList<IndexedProduct.Factor> Factors, IReadOnlyList<IReadOnlyList<ProductIndex>> Axes)
{
    public sealed record Factor(Tensor Values, ProductIndex?[] Axes)
    {
        public IEnumerable<ProductIndex> Indices => Axes.OfType<ProductIndex>();
    }

    /// <summary>One factor, the axes as they are.</summary>
    public static IndexedProduct Of(Tensor t)
    {
        ProductIndex?[] axes = [.. t.Shape.ToArray().Select(d => d == 1 ? null : new ProductIndex(d))];
        return new([new Factor(t, axes)], [.. axes.Select(i => i is null ? (IReadOnlyList<ProductIndex>)[] : [i])]);
    }

    public Shape Shape => new([.. Axes.Select(Extent)]);

    private IEnumerable<ProductIndex> Indices => Factors.SelectMany(f => f.Indices);

    private static long Extent(IReadOnlyList<ProductIndex> row) => row.Aggregate(1L, (n, i) => Checked.Mul(n, i.Extent));

    /// <summary>The same elements under another shape; null where an index would be cut in two.</summary>
    public IndexedProduct? Reshape(Shape to)
    {
        var rest = new Queue<ProductIndex>(Axes.SelectMany(a => a));
        var axes = new List<IReadOnlyList<ProductIndex>>();
        for (int d = 0; d < to.Rank; d++)
        {
            var row = new List<ProductIndex>();
            long have = 1;
            while (have < to[d] && rest.TryDequeue(out var i))
            {
                row.Add(i);
                have = Checked.Mul(have, i.Extent);
            }
            if (have != to[d]) return null;
            axes.Add(row);
        }
        return rest.Count == 0 ? this with { Axes = axes } : null;
    }

    public IndexedProduct Transpose(int[] order) => this with { Axes = [.. order.Select(p => Axes[p])] };

    /// <summary>The sum over some axes.</summary>
    public IndexedProduct Sum(Func<int, bool> over) => this with { Axes = [.. Axes.Where((_, i) => !over(i))] };

    /// <summary>The broadcast product; null where axes that meet are cut differently.</summary>
    public static IndexedProduct? Multiply(IndexedProduct a, IndexedProduct b)
    {
        // Sums over the same index are two sums.
        if (a.Indices.Intersect(b.Indices).Any()) return null;
        int rank = Math.Max(a.Axes.Count, b.Axes.Count);
        var axes = new IReadOnlyList<ProductIndex>[rank];
        var same = new Dictionary<ProductIndex, ProductIndex>();
        for (int i = 1; i <= rank; i++)
        {
            IReadOnlyList<ProductIndex> x = i <= a.Axes.Count ? a.Axes[^i] : [], y = i <= b.Axes.Count ? b.Axes[^i] : [];
            axes[^i] = x.Count > 0 ? x : y;
            if (x.Count == 0 || y.Count == 0) continue;
            if (!x.Select(k => k.Extent).SequenceEqual(y.Select(k => k.Extent))) return null;
            foreach (var (k, l) in x.Zip(y))
                if (!same.TryAdd(l, k)) return null;
        }
        ProductIndex Renamed(ProductIndex i) => same.GetValueOrDefault(i, i);
        return new([.. a.Factors, .. b.Factors.Select(f => new Factor(f.Values, [.. f.Axes.Select(i => i is null ? null : Renamed(i))]))], [.. axes.Select(r => (IReadOnlyList<ProductIndex>)[.. r.Select(Renamed)])]);
    }

    /// <summary>An equation over products; null where an operand's axis has no label of its own.</summary>
    public static IndexedProduct? Contract(EinsumGeometry g, IReadOnlyList<IndexedProduct> operands)
    {
        IndexedProduct? all = null;
        for (int o = 0; o < operands.Count; o++)
        {
            var labelled = new IReadOnlyList<ProductIndex>[g.Dims.Length];
            Array.Fill(labelled, []);
            var shape = operands[o].Shape;
            long[] strides = shape.Strides();
            for (int d = 0; d < shape.Rank; d++)
            {
                if (shape[d] == 1) continue;
                int label = Array.IndexOf(g.Strides[o], strides[d]);
                if (label < 0 || g.Dims[label] != shape[d]) return null;
                labelled[label] = operands[o].Axes[d];
            }
            var next = operands[o] with { Axes = labelled };
            all = all is null ? next : Multiply(all, next);
            if (all is null) return null;
        }
        return all!.Sum(l => l >= g.Output.Rank);
    }

    /// <summary>The terms A_t ⊗ S_t whose sum this is; null where it is no such sum, or one of more than <paramref name="most"/> terms.</summary>
    public IReadOnlyList<Kronecker>? Kroneckers(int most) =>
        Factors.Count != 2 || Axes.Count < 2 ? null : Split(Factors[0], Factors[1], most) ?? Split(Factors[1], Factors[0], most);

    private Kronecker[]? Split(Factor outer, Factor inner, int most)
    {
        HashSet<ProductIndex> a = [.. outer.Indices], s = [.. inner.Indices];
        var shown = Axes.SelectMany(r => r).ToList();
        List<ProductIndex> terms = [.. a.Where(s.Contains)];
        // Nothing runs along a diagonal, what is summed is in both factors, and what is shown in one.
        if (a.Count != outer.Indices.Count() || s.Count != inner.Indices.Count() || shown.Distinct().Count() != shown.Count) return null;
        if (shown.Exists(terms.Contains) || shown.Count + terms.Count != a.Union(s).Count() || shown.Exists(i => !a.Contains(i) && !s.Contains(i))) return null;
        int rows = Axes[0].TakeWhile(a.Contains).Count(), columns = Axes[1].TakeWhile(a.Contains).Count();
        if (Axes[0].Skip(rows).Concat(Axes[1].Skip(columns)).Concat(Axes.Skip(2).SelectMany(r => r)).Any(a.Contains)) return null;
        long count = Extent(terms);
        if (count > most || count == 0 || outer.Values.Shape.Elements + inner.Values.Shape.Elements >= Shape.Elements) return null;
        var outerShape = new Shape(Extent([.. Axes[0].Take(rows)]), Extent([.. Axes[1].Take(columns)]));
        var innerShape = new Shape([Extent([.. Axes[0].Skip(rows)]), Extent([.. Axes[1].Skip(columns)]), .. Axes.Skip(2).Select(Extent)]);
        // Two vectors make a matrix of rank 1, for which there are better forms.
        if (outerShape[1] == 1 && innerShape[0] == 1 || outerShape[0] == 1 && innerShape[1] == 1) return null;
        float[] outers = Ordered(outer, [.. terms, .. Axes[0].Take(rows), .. Axes[1].Take(columns)]);
        float[] inners = Ordered(inner, [.. terms, .. Axes[0].Skip(rows), .. Axes[1].Skip(columns), .. Axes.Skip(2).SelectMany(r => r)]);
        return [.. Enumerable.Range(0, (int)count).Select(t => new Kronecker(Part(outers, t, outerShape), Part(inners, t, innerShape)))];
    }

    private static Dense Part(float[] all, int term, Shape shape) => new(Tensor.From<float>(shape, all.AsSpan(term * shape.Count, shape.Count)));

    // The elements of a factor with its indices in another order.
    private static float[] Ordered(Factor f, IReadOnlyList<ProductIndex> order)
    {
        long[] own = f.Values.Shape.Strides();
        long[] strides = [.. order.Select(i => own[Array.IndexOf(f.Axes, i)])];
        var y = new float[f.Values.Shape.Count];
        var at = new long[order.Count];
        var x = f.Values.Span<float>();
        long from = 0;
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = x[(int)from];
            for (int d = order.Count - 1; d >= 0; d--)
            {
                from += strides[d];
                if (++at[d] < order[d].Extent) break;
                from -= strides[d] * at[d];
                at[d] = 0;
            }
        }
        GC.KeepAlive(f.Values);
        return y;
    }
}
