using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// Makes up for removed channels without samples: a channel whose filter is nearly a combination of others', w_j ≈ Σ_k s_k · w_k, is nearly that combination of
/// their outputs, so the layers that read it take s_k times its weights on channel k. Exact where nothing but a linear operator lies between.
/// <para>Source: Bai et al., "Unified Data-Free Compression", 2023.</para>
/// </summary>
internal static class DataFreeReconstruction
{
    private const double Damp = 0.01;

    /// <summary>New values of the weights that read removed channels, in their full shape.</summary>
    public static IReadOnlyDictionary<Value, Tensor> Of(ChannelAnalysis a, IReadOnlyList<ChannelGroup> groups, IReadOnlySet<int> removed, Workers workers)
    {
        var changed = new Dictionary<Value, Tensor>();
        foreach (var g in groups)
        {
            int[] gone = [.. g.Sets.Where(removed.Contains)], kept = [.. g.Sets.Where(s => !removed.Contains(s))];
            if (gone.Length == 0 || kept.Length == 0 || g.Consumers.Count == 0) continue;
            var features = g.Sets.ToDictionary(s => s, _ => new List<float>());
            foreach (var p in g.Producers.Where(p => !p.IsDepthwise)) AddRows(a, p, features);
            int n = kept.Length;
            var gram = new double[n * n];
            for (int i = 0; i < n; i++)
                for (int j = 0; j <= i; j++) gram[i * n + j] = gram[j * n + i] = Dot(features[kept[i]], features[kept[j]]);
            var s = new double[gone.Length * n];
            for (int i = 0; i < gone.Length; i++)
                for (int j = 0; j < n; j++) s[i * n + j] = Dot(features[gone[i]], features[kept[j]]);
            if (!LeastSquares.Solve(gram, n, s, gone.Length, Damp, workers)) continue;
            foreach (var c in g.Consumers) Fold(a, c, gone, kept, s, changed.TryGetValue(c.Weight, out var t) ? t : changed[c.Weight] = c.Weight.ConstantTensor!.Clone());
        }
        return changed;
    }

    private static double Dot(List<float> a, List<float> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Count; i++) sum += (double)a[i] * b[i];
        return sum;
    }

    // A channel's filter, and its bias.
    private static void AddRows(ChannelAnalysis a, LinearWeight w, Dictionary<int, List<float>> features)
    {
        var t = w.Weight.ConstantTensor!;
        int[] labels = a.Constants[w.Weight][w.RowAxis]!;
        int inner = Checked.Int(t.Shape.Product(w.RowAxis + 1, t.Shape.Rank));
        var v = t.Span<float>();
        for (int i = 0; i < v.Length; i++)
            if (features.TryGetValue(a.Sets.Find(labels[i / inner % labels.Length]), out var f)) f.Add(v[i]);
        if (w.Node.Input(2)?.ConstantTensor is not { DType: DType.F32, Shape.Rank: 1 } bias || bias.Shape[0] != labels.Length) return;
        for (int i = 0; i < labels.Length; i++)
            if (features.TryGetValue(a.Sets.Find(labels[i]), out var f)) f.Add(bias.Span<float>()[i]);
    }

    private static void Fold(ChannelAnalysis a, LinearWeight w, int[] gone, int[] kept, double[] s, Tensor to)
    {
        int[] labels = a.Constants[w.Weight][w.ColumnAxis]!;
        var entries = Enumerable.Range(0, labels.Length).GroupBy(i => a.Sets.Find(labels[i])).ToDictionary(e => e.Key, e => e.ToArray());
        int n = labels.Length, inner = Checked.Int(to.Shape.Product(w.ColumnAxis + 1, to.Shape.Rank)), outer = Checked.Int(to.Shape.Product(0, w.ColumnAxis));
        ReadOnlySpan<float> from = w.Weight.ConstantTensor!.Span<float>();
        var y = to.Span<float>();
        for (int i = 0; i < gone.Length; i++)
            for (int j = 0; j < kept.Length; j++)
            {
                int[] source = entries[gone[i]], target = entries[kept[j]];
                // Channels of other widths behind a flattening have nothing to say about each other.
                if (source.Length != target.Length) continue;
                float factor = (float)s[i * kept.Length + j];
                for (int e = 0; e < source.Length; e++)
                    for (int o = 0; o < outer; o++)
                    {
                        var x = from.Slice((o * n + source[e]) * inner, inner);
                        var z = y.Slice((o * n + target[e]) * inner, inner);
                        for (int k = 0; k < inner; k++) z[k] += factor * x[k];
                    }
            }
    }
}
