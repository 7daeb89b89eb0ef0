using Engine.Tensors;

namespace Engine.Graph;

/// <summary>Removes Identity, and Dropout that is not training: readers read the input directly.</summary>
public sealed class RemoveIdentities : Rewrite
{
    /// <inheritdoc/>
    public override string Name => "identity removal";

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context)
    {
        var outputs = graph.Outputs.ToHashSet();
        var replaced = new Dictionary<Value, Value>();
        var kept = new List<Node>();
        foreach (var n in graph.Nodes)
        {
            n.Inputs = [.. n.Inputs.Select(v => v is not null && replaced.TryGetValue(v, out var r) ? r : v)];
            if (IsIdentity(n) && n.Input(0) is { } x && n.Outputs[0] is { } y && !outputs.Contains(y)) replaced[y] = x;
            else kept.Add(n);
        }
        if (replaced.Count == 0) return 0;
        graph.Nodes = kept;
        foreach (var n in kept)
            foreach (var g in n.Op.Subgraphs) Replace(g, replaced);
        return replaced.Count;
    }

    private static bool IsIdentity(Node n) => n.Op.Domain.Length == 0 && n.Outputs.Count(o => o is not null) == 1 && n.Outputs[0] is not null && n.Op.Name switch
    {
        "Identity" => true,
        "Dropout" => n.Op.Attributes.Opset < 7 ? n.Op.Attributes.Bool("is_test") : n.Op.Attributes.Opset < 12 || n.Input(2) is null || n.Input(2)!.ConstantTensor is { DType: DType.Bool, ByteLength: > 0 } t && t.Bytes[0] == 0,
        _ => false,
    };

    private static void Replace(ModelGraph g, Dictionary<Value, Value> replaced)
    {
        foreach (var n in g.Nodes)
        {
            n.Inputs = [.. n.Inputs.Select(v => v is not null && replaced.TryGetValue(v, out var r) ? r : v)];
            foreach (var s in n.Op.Subgraphs) Replace(s, replaced);
        }
        for (int i = 0; i < g.Outputs.Count; i++)
            if (replaced.TryGetValue(g.Outputs[i], out var r)) g.Outputs[i] = r;
    }
}
