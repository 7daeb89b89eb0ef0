using Engine.Formats;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Finds the groups of channels of a float network that can be cut together, from the graph alone, and describes them as elastic widths.</summary>
public static class ElasticWidths
{
    private const int LeastChannels = 2 * ElasticWidth.Multiple;

    /// <summary>
    /// The model with elastic widths in its metadata: of each group of 32 channels and more, the first ones, in quarters rounded up to multiples of 16. Which channels those are is not
    /// looked at: a network that was not trained for it loses accuracy. Throws <see cref="InputException"/> where an input's shape is unknown or no group is found.
    /// </summary>
    public static ModelDefinition Describe(ModelDefinition model, KernelRegistry kernels)
    {
        var types = WireTypes.Of(model.Graph, CalibrationData.None, kernels, Workers.Single, default);
        var analysis = ChannelAnalysis.Of(model.Graph, types, kernels, Workers.Single);
        var widths = ChannelGroup.Of(analysis).Select(g => Width(g, analysis, model.Graph)).OfType<ElasticWidth>().ToList();
        if (widths.Count == 0) throw new InputException($"the model has no group of {LeastChannels} channels and more that can be cut");
        var known = ElasticJson.Read(model.Metadata, model.Source);
        var metadata = model.Metadata.ToDictionary();
        metadata[ElasticDimensions.Key] = ElasticJson.Write(known with { Widths = widths });
        return new(model.Graph) { Source = model.Source, Metadata = metadata, Opsets = model.Opsets, Packed = model.Packed, Resources = model.Resources };
    }

    private static ElasticWidth? Width(ChannelGroup g, ChannelAnalysis a, ModelGraph graph)
    {
        int size = g.Sets.Length;
        if (size < LeastChannels) return null;
        var of = new Dictionary<int, int>();
        for (int c = 0; c < size; c++) of[g.Sets[c]] = c;
        var cuts = new List<ElasticCut>();
        foreach (var (v, axes) in a.Constants)
            for (int axis = 0; axis < axes.Length; axis++)
            {
                if (axes[axis] is not { } labels || !Array.Exists(labels, l => of.ContainsKey(a.Sets.Find(l)))) continue;
                if (Cut(v.Name, axis, labels, of, a, size) is not { } cut) return null;
                cuts.Add(cut);
            }
        var shapes = new List<ElasticShape>();
        foreach (var n in graph.Nodes)
        {
            if (n.Op is not Reshape || n.Input(1) is not { ConstantTensor: { } to } shape || a.Of(n.Outputs[0]!) is not { } labels) continue;
            long[] left = a.Left(n.Outputs[0]!, new HashSet<int> { g.Sets[0] }), dims = to.ToLongs();
            for (int i = 0; i < dims.Length; i++)
                if (dims[i] > 0 && left[i] < labels.Shape[i])
                {
                    // Another reader of the same numbers may reshape other channels.
                    if (graph.Nodes.Sum(m => m.Inputs.Count(v => v == shape)) > 1 || to.DType != DType.I64) return null;
                    shapes.Add(new(shape.Name, i, Checked.Int(labels.Shape[i] - left[i])));
                }
        }
        int[] choices = [.. Enumerable.Range(1, 4).Select(q => q == 4 ? size : (int)Math.Min(size, Checked.AlignUp(Checked.CeilDiv((long)size * q, 4), ElasticWidth.Multiple))).Distinct()];
        return new(g.Name, choices, cuts, shapes);
    }

    // Channels side by side and in order, each as often; null for any other order.
    private static ElasticCut? Cut(string name, int axis, int[] labels, Dictionary<int, int> of, ChannelAnalysis a, int size)
    {
        int[] channels = Array.ConvertAll(labels, l => of.GetValueOrDefault(a.Sets.Find(l), -1));
        int offset = Array.FindIndex(channels, c => c >= 0), count = channels.Count(c => c >= 0), per = count / size;
        if (per * size != count) return null;
        for (int i = 0; i < count; i++)
            if (offset + i >= channels.Length || channels[offset + i] != i / per) return null;
        return new(name, axis, per, offset);
    }
}
