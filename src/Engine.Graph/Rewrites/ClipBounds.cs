using Engine.Tensors;

namespace Engine.Graph;

/// <summary>Clip with constant f32 bounds as inputs becomes Clip with bounds as attributes, a form that can be fused.</summary>
public sealed class ClipBounds : Rewrite
{
    /// <inheritdoc/>
    public override string Name => "clip bounds to attributes";

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context)
    {
        int places = 0;
        foreach (var n in graph.Nodes)
        {
            if (n.Op is not { Name: "Clip", Domain: "" } || n.Inputs.Count < 2 || !Bound(n.Input(1), float.MinValue, out float min) || !Bound(n.Input(2), float.MaxValue, out float max)) continue;
            // Bounds say the element type when nothing else does.
            if (n.Input(1) is null && n.Input(2) is null || min > max) continue;
            n.Op = OperatorRegistry.Standard.Create("", "Clip", new Attributes(6, new Dictionary<string, object> { ["min"] = min, ["max"] = max }) { InputCount = 1 }, n.Name);
            n.Inputs = [n.Inputs[0]];
            places++;
        }
        return places;
    }

    private static bool Bound(Value? v, float absent, out float bound)
    {
        bound = absent;
        if (v is null) return true;
        if (v.ConstantTensor is not { DType: DType.F32, Shape.Elements: 1 } t || float.IsNaN(t.Span<float>()[0])) return false;
        bound = t.Span<float>()[0];
        return true;
    }
}
