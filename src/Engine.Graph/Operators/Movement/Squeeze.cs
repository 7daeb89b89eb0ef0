using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Squeeze: axes of length 1 removed, all of them unless some are named.</summary>
public sealed class Squeeze(Attributes a) : Operator(a)
{
    private readonly long[]? _axes = a.Opset < 13 ? a.Ints("axes") : null;

    /// <inheritdoc/>
    public override string Name => "Squeeze";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.View;

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        long[]? axes = _axes;
        if (c.Has(1) && !c.TryLongs(1, out axes)) return;
        var x = c.Shape(0);
        var drop = new bool[x.Rank];
        if (axes is null) for (int i = 0; i < drop.Length; i++) drop[i] = x[i] == 1;
        else
        {
            foreach (int i in AxisList.Distinct(axes, x.Rank))
            {
                if (x[i] != 1) throw new OperatorException($"axis {i} of {x} is not 1");
                drop[i] = true;
            }
        }
        c.Set(0, c.DType(0), new Shape([.. x.ToArray().Where((_, i) => !drop[i])]));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "the stream's axis would go");
}
