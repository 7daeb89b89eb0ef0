using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Unsqueeze: axes of length 1 put in; they are named by their place in the result.</summary>
public sealed class Unsqueeze(Attributes a) : Operator(a)
{
    private readonly long[]? _axes = a.Opset < 13 ? a.Ints("axes") ?? throw new OperatorException("attribute 'axes' is missing") : null;

    /// <inheritdoc/>
    public override string Name => "Unsqueeze";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.View;

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        long[] axes;
        if (_axes is not null) axes = _axes;
        else if (!c.TryLongs(1, out axes)) return;
        var x = c.Shape(0);
        if (axes.Length > Shape.MaxRank - x.Rank) throw new OperatorException($"{axes.Length} axes added to {x} exceed rank {Shape.MaxRank}");
        var dims = new long[x.Rank + axes.Length];
        foreach (int i in AxisList.Distinct(axes, dims.Length)) dims[i] = -1;
        for (int i = 0, from = 0; i < dims.Length; i++) dims[i] = dims[i] < 0 ? 1 : x[from++];
        c.Set(0, c.DType(0), new Shape(dims));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it cannot be told which axis is the stream's");
}
