using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// engine BinarySign(x f32 [N, …], threshold f32?): −1 or +1, y = −1 where x &lt; threshold, with attribute <c>direction</c> −1 where x &gt; threshold; else +1, so that a value at the threshold and NaN
/// give +1. The threshold is a scalar, 0 where left out, or an element a channel (axis 1).
/// </summary>
public sealed class BinarySign(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "BinarySign";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <summary>+1 where what lies below the threshold is −1, −1 where what lies above is.</summary>
    public int Direction { get; } = a.Int("direction", 1) is var d and (1 or -1) ? (int)d : throw new OperatorException($"direction is {a.Int("direction")}, expected 1 or -1");

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32);
        var x = c.Shape(0);
        if (c.Has(1))
        {
            c.Require(1, DType.F32);
            var t = c.Shape(1);
            if (t.Elements != 1 && (x.Rank < 2 || t.Rank != 1 || t[0] != x[1])) throw new OperatorException($"threshold {t} is neither one value nor one for each channel of {x}");
        }
        c.Set(0, c.In(0));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis == 1 && c.Has(1) && c.Type(1).Elements > 1, "the stream runs along channels with thresholds of their own");
}
