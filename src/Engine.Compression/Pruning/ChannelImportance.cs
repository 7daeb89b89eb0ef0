using Engine.Graph;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// What the layers that read a channel would lose without it: the energy of its column of weights times the energy of the channel itself, which
/// samples show, or the weights that make it stand for.
/// </summary>
internal static class ChannelImportance
{
    /// <summary>A number a channel of the group; <paramref name="energies"/> gives the mean square of each set on a wire, or null without samples.</summary>
    public static double[] Of(ChannelAnalysis a, ChannelGroup g, Func<Value, IReadOnlyDictionary<int, double>>? energies)
    {
        var read = new double[g.Sets.Length];
        var made = new double[g.Sets.Length];
        var index = g.Sets.Select((s, i) => (s, i)).ToDictionary(p => p.s, p => p.i);
        foreach (var w in g.Producers) AddSquares(a, w, w.RowAxis, index, made, null);
        foreach (var w in g.Consumers) AddSquares(a, w, w.ColumnAxis, index, read, energies?.Invoke(w.Node.Inputs[0]!));
        // Channels that nothing linear reads count by what makes them.
        if (g.Consumers.Count == 0) return made;
        return energies is null ? [.. read.Zip(made, (r, m) => r * m)] : read;
    }

    private static void AddSquares(ChannelAnalysis a, LinearWeight w, int axis, Dictionary<int, int> index, double[] sums, IReadOnlyDictionary<int, double>? energy)
    {
        var t = w.Weight.ConstantTensor!;
        int[] labels = a.Constants[w.Weight][axis]!;
        int inner = Checked.Int(t.Shape.Product(axis + 1, t.Shape.Rank));
        var v = t.Span<float>();
        for (int i = 0; i < v.Length; i++)
        {
            int set = a.Sets.Find(labels[i / inner % labels.Length]);
            if (index.TryGetValue(set, out int at)) sums[at] += (double)v[i] * v[i] * (energy is null ? 1 : energy.GetValueOrDefault(set));
        }
    }
}
