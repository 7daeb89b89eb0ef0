using Engine.Compression;
using Engine.Graph;

namespace Engine.Cli;

/// <summary>Tables of layers of signs: what they are stored as, and what trees save.</summary>
internal static class BinaryTable
{
    public const string Note = "Operations of layers of signs are products of signs for an output pixel of all channels: channels times N, N being the signs of a channel, and along the tree N + Σ |D|. The gain measured is the faster of packed and FR over the tree, on one sample.";

    /// <summary>A row a layer, with what was measured.</summary>
    public static Table Make(IReadOnlyList<BinaryLayerReport> layers)
    {
        var t = new Table(new("layer", "layer"), new("shape", "shape"), new("to", "to"), new("stored as", "form"), new("KiB before", "kib_before", "0.0"), new("KiB after", "kib_after", "0.0"), new("operations", "operations"),
            new("along the tree", "tree_operations"), new("gain expected", "gain_expected", "0.00"), new("mean |D|/N", "mean_difference", "0.000"), new("depth", "depth"), new("turned round", "negated"),
            new("packed µs", "packed_us", "0.0"), new("FR µs", "fr_us", "0.0"), new("tree µs", "tree_us", "0.0"), new("gain measured", "gain_measured", "0.00"), new("because", "reason"));
        foreach (var l in layers)
            t.Add(l.Name, l.Shape, l.ToBits ? "bits" : "f32", l.IsTree ? "BinaryTree" : "Binary", l.Operations * 4 / 1024.0, l.Bytes / 1024.0, l.Operations, l.TreeOperations, l.ExpectedGain, l.MeanDifference, l.Depth, l.IsTree ? l.Negated : null,
                l.PackedNanoseconds / 1e3, l.SharedNanoseconds / 1e3, l.TreeNanoseconds / 1e3, l.MeasuredGain, l.Reason);
        return t;
    }

    /// <summary>A row a layer that loading looked at, or that is stored as signs.</summary>
    public static Table? Of(ModelGraph graph, IEnumerable<LayerNote> notes)
    {
        var known = notes.ToList();
        var layers = BinaryLayerReport.Of(graph).ToDictionary(l => l.Name);
        var t = new Table(new("layer", "layer"), new("runs as", "outcome"), new("stored as", "form"), new("operations", "operations"), new("along the tree", "tree_operations"), new("gain expected", "gain_expected", "0.00"), new("mean |D|/N", "mean_difference", "0.000"), new("depth", "depth"), new("because", "reason"));
        void Row(string name, string outcome, BinaryLayerReport? l, string reason) => t.Add(name, outcome, l is null ? null : l.IsTree ? "BinaryTree" : "Binary", l?.Operations, l?.TreeOperations, l?.ExpectedGain, l?.MeanDifference, l?.Depth, reason);
        // Layers of files that hold signs, among what loading looked at.
        var stored = layers.Values.Where(l => !known.Exists(n => n.Layer == l.Name)).Select(l => new LayerNote(l.Name, l.ToBits ? "binary, to bits" : "binary, to f32", "")).ToList();
        if (stored.Count > 0)
        {
            var places = graph.Nodes.Select((n, i) => (n.Name, i)).GroupBy(p => p.Name).ToDictionary(g => g.Key, g => g.First().i);
            known = [.. known.Concat(stored).OrderBy(n => places.GetValueOrDefault(n.Layer, int.MaxValue))];
        }
        foreach (var n in known) Row(n.Layer, n.Outcome, layers.GetValueOrDefault(n.Layer), n.Reason);
        return known.Count == 0 ? null : t;
    }
}
