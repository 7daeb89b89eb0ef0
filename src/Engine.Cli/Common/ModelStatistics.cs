using Engine.Graph;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>What a graph holds, subgraphs included; a constant that several nodes read counts once.</summary>
internal sealed class ModelStatistics
{
    public sealed record OperatorUse(string Domain, string Name)
    {
        public int Count { get; set; }

        public long Parameters { get; set; }

        public long Bytes { get; set; }
    }

    public sealed record SchemeUse(string Scheme, DType DType)
    {
        public int Count { get; set; }

        public long Parameters { get; set; }

        public long Bytes { get; set; }
    }

    private readonly Dictionary<(string, string), OperatorUse> _operators = [];
    private readonly Dictionary<(string, DType), SchemeUse> _schemes = [];
    private readonly HashSet<Weight> _seen = [];

    public ModelStatistics(ModelGraph graph) => Add(graph);

    public IEnumerable<OperatorUse> Operators => _operators.Values.OrderByDescending(o => o.Count).ThenBy(o => o.Name, StringComparer.Ordinal);

    public IEnumerable<SchemeUse> Schemes => _schemes.Values.OrderByDescending(s => s.Bytes);

    public int Nodes { get; private set; }

    public long Parameters { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>The scheme that holds most bytes, as in <c>Dense f32</c>.</summary>
    public string MainScheme => Schemes.FirstOrDefault() is { } s ? $"{s.Scheme} {s.DType.Display()}" : "";

    /// <summary>Elements and bytes of the constants that a node reads; shapes, axes and other integers of rank below 2 are no parameters.</summary>
    public static (long Parameters, long Bytes) OfNode(Node node)
    {
        long parameters = 0, bytes = 0;
        foreach (var w in node.Inputs.Select(v => v?.Constant).OfType<Weight>().Distinct())
        {
            if (IsParameter(w)) parameters += w.Shape.Elements;
            bytes += w.StoredBytes;
        }
        return (parameters, bytes);
    }

    private static bool IsParameter(Weight w) => w.DType.IsFloat() || w.Shape.Rank >= 2 && w.DType.IsInteger();

    private void Add(ModelGraph graph)
    {
        foreach (var node in graph.Nodes)
        {
            Nodes++;
            if (!_operators.TryGetValue((node.Op.Domain, node.Op.Name), out var use)) _operators[(node.Op.Domain, node.Op.Name)] = use = new(node.Op.Domain, node.Op.Name);
            use.Count++;
            foreach (var v in node.Inputs) if (v?.Constant is { } w) Add(w, use);
            foreach (var g in node.Op.Subgraphs) Add(g);
        }
        foreach (var v in graph.Outputs) if (v.Constant is { } w) Add(w, null);
    }

    private void Add(Weight w, OperatorUse? use)
    {
        if (!_seen.Add(w)) return;
        long parameters = IsParameter(w) ? w.Shape.Elements : 0, bytes = w.StoredBytes;
        var key = (w.Describe(), w.DType);
        if (!_schemes.TryGetValue(key, out var s)) _schemes[key] = s = new(key.Item1, key.DType);
        s.Count++;
        s.Parameters += parameters;
        s.Bytes += bytes;
        Parameters += parameters;
        Bytes += bytes;
        if (use is null) return;
        use.Parameters += parameters;
        use.Bytes += bytes;
    }
}
