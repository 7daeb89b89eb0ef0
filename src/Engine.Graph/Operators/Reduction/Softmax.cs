using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// Softmax and its kin: along one axis from opset 13 (default −1); before that over all axes from <c>axis</c> (default 1) on, taken as
/// one.
/// </summary>
public abstract class SoftmaxBase(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", a.Opset >= 13 ? -1 : 1);

    /// <summary>The input as [outer, length, inner], normalized along the middle.</summary>
    public (int Outer, int Length, int Inner) Split(Shape x)
    {
        if (x.Rank == 0) return (1, 1, 1);
        bool flat = Attributes.Opset < 13;
        // The old form may put the cut behind the last axis.
        int axis = flat && _axis == x.Rank ? x.Rank : x.Axis(_axis);
        return flat
            ? (Checked.Int(x.Product(0, axis)), Checked.Int(x.Product(axis, x.Rank)), 1)
            : (Checked.Int(x.Product(0, axis)), x.Int(axis), Checked.Int(x.Product(axis + 1, x.Rank)));
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F64, DType.F16, DType.BF16);
        Split(c.Shape(0));
        c.Set(0, c.In(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(20.0 * c.In(0).Elements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => Attributes.Opset < 13 ? axis >= Split13(c.Type(0).Shape) : axis == c.Type(0).Shape.Axis(_axis), "it sums over the whole signal");

    private int Split13(Shape x) => _axis == x.Rank ? x.Rank : x.Axis(_axis);
}

/// <summary>eˣ / Σ eˣ.</summary>
public sealed class Softmax(Attributes a) : SoftmaxBase(a)
{
    /// <inheritdoc/>
    public override string Name => "Softmax";
}

/// <summary>x − log Σ eˣ.</summary>
public sealed class LogSoftmax(Attributes a) : SoftmaxBase(a)
{
    /// <inheritdoc/>
    public override string Name => "LogSoftmax";
}

/// <summary>1 at the first largest element, else 0.</summary>
public sealed class Hardmax(Attributes a) : SoftmaxBase(a)
{
    /// <inheritdoc/>
    public override string Name => "Hardmax";
}
