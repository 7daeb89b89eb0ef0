using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Shape: the dimensions [start, end) of the input as i64; known as soon as the input's type is.</summary>
public sealed class ShapeOf(Attributes a) : Operator(a)
{
    private readonly long _start = a.Int("start", 0), _end = a.Int("end", long.MaxValue);

    /// <inheritdoc/>
    public override string Name => "Shape";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.OfTypes;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        int start = First(x.Rank), end = Clamp(_end, x.Rank);
        c.SetValue(0, Tensor.Vector<long>(start < end ? x.Dims[start..end] : []));
    }

    /// <summary>The first dimension that it gives of an input of rank <paramref name="rank"/>.</summary>
    public int First(int rank) => Clamp(_start, rank);

    private static int Clamp(long v, int rank) => (int)Math.Clamp(v < 0 ? v + rank : v, 0, rank);
}
