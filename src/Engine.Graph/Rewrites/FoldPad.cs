using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>Pad that puts zeros around the spatial axes, read by one convolution only, becomes padding of that convolution.</summary>
public sealed class FoldPad : Rewrite
{
    /// <inheritdoc/>
    public override string Name => "pad folding";

    /// <inheritdoc/>
    public override int Apply(ModelGraph graph, RewriteContext context)
    {
        var uses = new Uses(graph);
        var pads = new Dictionary<Value, Node>();
        var gone = new HashSet<Node>();
        foreach (var n in graph.Nodes)
        {
            if (n.Op is Pad && n.Outputs is [{ Quantization: null } y]) pads[y] = n;
            if (n.Op is Conv conv && n.Input(0) is { } x && pads.TryGetValue(x, out var pad) && uses.Of(x) == 1 && Fold(pad, n, conv)) gone.Add(pad);
        }
        graph.Nodes = [.. graph.Nodes.Where(n => !gone.Contains(n))];
        return gone.Count;
    }

    private static bool Fold(Node pad, Node node, Conv conv)
    {
        if (pad.Op is not Pad { Mode: PadMode.Constant } op || pad.Input(3) is not null || conv.Window.AutoPad is not (AutoPad.NotSet or AutoPad.Valid)) return false;
        if (op.ValueIsInput ? pad.Input(2) is not null && pad.Input(2)!.ConstantTensor is not { DType: DType.F32, Shape.Elements: 1 } : op.Value != 0) return false;
        if (op.ValueIsInput && pad.Input(2)?.ConstantTensor is { } value && value.Span<float>()[0] != 0) return false;
        long[]? amounts = op.ValueIsInput ? pad.Input(1)?.ConstantTensor is { DType: DType.I64 } t ? t.Span<long>().ToArray() : null : pad.Op.Attributes.Ints(pad.Op.Attributes.Opset < 2 ? "paddings" : "pads");
        if (amounts is null || amounts.Length < 6 || amounts.Length % 2 != 0 || amounts.Any(a => a is < 0 or > int.MaxValue)) return false;
        int rank = amounts.Length / 2, axes = rank - 2;
        if (amounts[0] != 0 || amounts[1] != 0 || amounts[rank] != 0 || amounts[rank + 1] != 0) return false;
        long[] own = conv.Window is { AutoPad: AutoPad.NotSet, Pads: { Length: > 0 } p } ? p : new long[2 * axes];
        if (own.Length != 2 * axes) return false;
        var sum = new long[2 * axes];
        for (int i = 0; i < axes; i++) (sum[i], sum[axes + i]) = (own[i] + amounts[2 + i], own[axes + i] + amounts[rank + 2 + i]);
        node.Op = OperatorRegistry.Standard.Create("", "Conv", conv.Attributes.With("pads", sum).With("auto_pad", "NOTSET"), node.Name);
        node.Inputs = [pad.Input(0), .. node.Inputs.Skip(1)];
        return true;
    }
}
