using Engine.Formats;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>The description of elastic dimensions, carried over to a compressed graph: constants have other names and forms there, or are gone.</summary>
internal static class ElasticDescription
{
    /// <summary>The metadata of <paramref name="result"/>, made of <paramref name="source"/>, and the dimensions that it has no longer.</summary>
    /// <param name="metadata">The metadata of the source.</param>
    /// <param name="source">The graph that it describes.</param>
    /// <param name="result">The compressed graph.</param>
    /// <param name="codesKeepNames">False where the file to be written names codes otherwise, as ONNX files do.</param>
    public static (IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<string> Lost) Of(IReadOnlyDictionary<string, string> metadata, ModelGraph source, ModelGraph result, bool codesKeepNames)
    {
        var described = ElasticJson.Read(metadata);
        if (described.All.Count == 0) return (metadata, []);
        var names = Names(source, result);
        var coded = codesKeepNames ? [] : result.Constants.Where(v => v.Constant is not Dense).Select(v => v.Name).ToHashSet();
        // Constants of batch normalizations went into those of convolutions when they were folded.
        var there = source.Constants.Select(v => v.Name).ToHashSet();
        var lost = new List<string>();
        bool Keeps(ElasticDimension d, IEnumerable<string> constants, ElasticDimensions alone)
        {
            if (!constants.Any(coded.Contains) && Fits(result, alone)) return true;
            lost.Add($"{d.Kind} {d.Name}");
            return false;
        }
        var widths = described.Widths.Select(w => w with { Cuts = [.. w.Cuts.Where(c => there.Contains(c.Constant)).SelectMany(c => names.TryGetValue(c.Constant, out var to) ? to.Select(t => c with { Constant = t.Name, Axis = t.Turned ? 1 - c.Axis : c.Axis }) : [c])] })
            .Where(w => Keeps(w, w.Cuts.Select(c => c.Constant), new([w], [], []))).ToList();
        var depths = described.Depths.Where(d => Keeps(d, [], new([], [d], []))).ToList();
        var kernels = described.Kernels.Where(k => Keeps(k, [k.Constant], new([], [], [k]))).ToList();
        var left = new Dictionary<string, string>(metadata);
        if (widths.Count + depths.Count + kernels.Count == 0) left.Remove(ElasticDimensions.Key);
        else left[ElasticDimensions.Key] = ElasticJson.Write(new(widths, depths, kernels));
        return (left, lost);
    }

    private static bool Fits(ModelGraph graph, ElasticDimensions d)
    {
        try
        {
            _ = new ElasticGraph(graph, d);
            return true;
        }
        catch (InvalidModelException)
        {
            return false;
        }
    }

    // By the name of a constant that a node of the source reads: what the node of that name reads in its place, codes and scales behind a DequantizeLinear.
    private static Dictionary<string, IReadOnlyList<(string Name, bool Turned)>> Names(ModelGraph source, ModelGraph result)
    {
        var nodes = result.Nodes.GroupBy(n => n.Name).ToDictionary(g => g.Key, g => g.Last());
        var makers = result.Nodes.SelectMany(n => n.Outputs.OfType<Value>().Select(v => (v, n))).ToDictionary(p => p.v, p => p.n);
        var names = new Dictionary<string, IReadOnlyList<(string, bool)>>();
        foreach (var n in source.Nodes)
        {
            if (!nodes.TryGetValue(n.Name, out var now)) continue;
            for (int i = 0; i < Math.Min(n.Inputs.Count, now.Inputs.Count); i++)
            {
                if (n.Inputs[i] is not { Constant: { } before } old || now.Inputs[i] is not { } v) continue;
                if (v.Constant is { } after) names[old.Name] = [(v.Name, before.Shape.Rank == 2 && after.Shape != before.Shape)];
                else if (makers.TryGetValue(v, out var m) && m.Op is DequantizeLinear) names[old.Name] = [.. m.Inputs.OfType<Value>().Where(c => c.Constant?.Shape == before.Shape).Select(c => (c.Name, false))];
            }
        }
        return names;
    }
}
