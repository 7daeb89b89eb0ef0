using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Finds the layers of a graph (not of its subgraphs) in order.</summary>
internal static class LayerScan
{
    // A scale for fewer weights saves nothing.
    private const int LeastElements = 64;

    public static IReadOnlyList<Layer> Of(ModelGraph graph)
    {
        var readers = new Dictionary<Value, int>();
        void Read(Value? v)
        {
            if (v?.Constant is not null) readers[v] = readers.GetValueOrDefault(v) + 1;
        }
        ReadAll(graph, Read);
        var layers = new List<Layer>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var n in graph.Nodes)
            foreach (var (kind, input) in Weights(n))
            {
                // A weight that others read too would have to be stored twice.
                if (n.Input(input) is not { } v || v.ConstantTensor is not { DType: DType.F32 } t || readers[v] > 1 || t.Shape.Elements < LeastElements || !Fits(kind, n, t)) continue;
                string name = kind == LayerKind.Recurrent ? $"{n.Name}/{(input == 1 ? "W" : "R")}" : n.Name;
                for (int i = 1; !names.Add(name); i++) name = $"{n.Name}#{i}";
                layers.Add(new Layer(name, kind, n, input, t));
            }
        return layers;
    }

    /// <summary>Nodes in branches and loop bodies that would be layers in the main graph; they stay as they are.</summary>
    public static IReadOnlyList<string> InSubgraphs(ModelGraph graph)
    {
        var names = new List<string>();
        void Add(ModelGraph g)
        {
            foreach (var n in g.Nodes)
            {
                if (Weights(n).Any(w => n.Input(w.Item2)?.ConstantTensor is { DType: DType.F32 } t && t.Shape.Elements >= LeastElements && Fits(w.Item1, n, t))) names.Add(n.Name);
                foreach (var s in n.Op.Subgraphs) Add(s);
            }
        }
        foreach (var s in graph.Nodes.SelectMany(n => n.Op.Subgraphs)) Add(s);
        return names;
    }

    /// <summary>Every constant of a graph and the graphs inside it, once.</summary>
    public static IReadOnlySet<Value> Constants(ModelGraph graph)
    {
        var all = new HashSet<Value>();
        ReadAll(graph, v =>
        {
            if (v?.Constant is not null) all.Add(v);
        });
        return all;
    }

    private static void ReadAll(ModelGraph g, Action<Value?> read)
    {
        foreach (var n in g.Nodes)
        {
            foreach (var v in n.Inputs) read(v);
            foreach (var s in n.Op.Subgraphs) ReadAll(s, read);
        }
        foreach (var v in g.Outputs) read(v);
    }

    private static IEnumerable<(LayerKind, int)> Weights(Node n) => n.Op switch
    {
        Conv => [(LayerKind.Conv, 1)],
        Gemm g when !g.Attributes.Bool("transA") => [(LayerKind.Gemm, 1)],
        MatMul => [(LayerKind.MatMul, 1)],
        Gather => [(LayerKind.Embedding, 0)],
        Recurrent { Domain: "" } => [(LayerKind.Recurrent, 1), (LayerKind.Recurrent, 2)],
        _ => [],
    };

    private static bool Fits(LayerKind kind, Node n, Tensor t)
    {
        bool shape = kind switch
        {
            LayerKind.Conv => t.Shape.Rank >= 3 && t.Shape[0] % ((Conv)n.Op).Group == 0,
            LayerKind.Recurrent => t.Shape.Rank == 3,
            LayerKind.Embedding => t.Shape.Rank == 2 && ((Gather)n.Op).Axis(t.Shape) == 0,
            _ => t.Shape.Rank == 2,
        };
        if (!shape) return false;
        // Not a number, or infinite: no grid holds it.
        foreach (float v in t.Span<float>()) if (!float.IsFinite(v)) return false;
        return true;
    }
}
