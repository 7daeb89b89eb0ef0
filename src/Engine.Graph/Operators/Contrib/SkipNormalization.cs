using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>SimplifiedLayerNormalization(x, scale) as ONNX Runtime emits it, in either domain: x / √(mean(x²) + ε) · scale over the axes from <c>axis</c> on; output 1 is the inverse deviation.</summary>
public sealed class SimplifiedLayerNormalization(Attributes a, string domain = "") : Operator(a)
{
    private readonly long _axis = a.Int("axis", -1);

    /// <inheritdoc/>
    public override string Name => "SimplifiedLayerNormalization";

    /// <inheritdoc/>
    public override string Domain => domain;

    /// <summary>Added to the mean square.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-5f);

    /// <summary>First axis of the statistics.</summary>
    public int Axis(Shape x) => x.Axis(_axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        c.RequireSame(0, 1);
        if (x.Rank == 0) throw new OperatorException("a scalar has no rows");
        int axis = Axis(x);
        if (c.Shape(1).Elements != x.Product(axis, x.Rank)) throw new OperatorException($"scale {c.Shape(1)} does not fit the axes from {axis} on of {x}");
        c.Set(0, c.In(0));
        var d = x.ToArray();
        d.AsSpan(axis).Fill(1);
        c.Set(1, DType.F32, new Shape(d));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Along(c, axis => axis >= Axis(c.Type(0).Shape), "its statistics run over the stream");
}

/// <summary>
/// A com.microsoft layer normalization of v = input + skip + bias over the last axis: input [.., H], skip of its shape or broadcast
/// over the batch ([S, H] or [1, S, H]), gamma [H]. Outputs: y; mean and inverse deviation [.., 1] f32; v itself as output 3.
/// </summary>
public abstract class SkipNormalization(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-12f);

    /// <summary>False when the mean is taken as zero (RMS).</summary>
    public abstract bool Centered { get; }

    /// <summary>Input with the bias of the sum.</summary>
    public abstract int BiasInput { get; }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        var x = c.Shape(0);
        if (x.Rank is < 2 or > 3) throw new OperatorException($"input 0 has shape {x}, expected [.., sequence, hidden]");
        for (int i = 1; i <= BiasInput; i++)
        {
            if (i > 2 && !c.Has(i)) continue;
            c.RequireSame(0, i);
            var s = c.Shape(i);
            bool fits = i == 1 ? s == x || x.Rank == 3 && s.Rank >= 2 && s[-1] == x[2] && s[-2] == x[1] && s.Elements == x[1] * x[2] : s.Rank == 1 && s[0] == x[-1];
            if (!fits) throw new OperatorException($"input {i} of shape {s} does not fit {x}");
        }
        c.Set(0, c.In(0));
        c.Set(1, DType.F32, x.With(x.Rank - 1, 1));
        c.Set(2, DType.F32, x.With(x.Rank - 1, 1));
        c.Set(3, c.In(0));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(8.0 * c.In(0).Elements, c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "its statistics run over the stream, or what it adds has a value for every frame");
}

/// <summary>com.microsoft SkipLayerNormalization(input, skip, gamma, beta?, bias?).</summary>
public sealed class SkipLayerNormalization(Attributes a) : SkipNormalization(a)
{
    /// <inheritdoc/>
    public override string Name => "SkipLayerNormalization";

    /// <inheritdoc/>
    public override bool Centered => true;

    /// <inheritdoc/>
    public override int BiasInput => 4;
}

/// <summary>com.microsoft SkipSimplifiedLayerNormalization(input, skip, gamma, bias?).</summary>
public sealed class SkipSimplifiedLayerNormalization(Attributes a) : SkipNormalization(a)
{
    /// <inheritdoc/>
    public override string Name => "SkipSimplifiedLayerNormalization";

    /// <inheritdoc/>
    public override bool Centered => false;

    /// <inheritdoc/>
    public override int BiasInput => 3;
}

/// <summary>
/// com.microsoft EmbedLayerNormalization(input_ids [B, S], segment_ids?, word [V, H], position [P, H], segment?, gamma [H], beta [H],
/// mask?, position_ids?): layer normalization of the sum of the embeddings. Outputs: y [B, S, H]; mask_index i32 [B], the number of
/// ones in each row of the mask (0 without); the sum itself.
/// </summary>
public sealed class EmbedLayerNormalization(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "EmbedLayerNormalization";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; } = a.Float("epsilon", 1e-12f);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.I32);
        c.RequireRank(0, 2);
        var ids = c.Shape(0);
        c.RequireRank(2, 2);
        long hidden = c.Shape(2)[1];
        c.Require(2, DType.F32, DType.F16);
        if (c.Has(1) != c.Has(4)) throw new OperatorException("segment ids and the segment table come together");
        foreach (int i in (ReadOnlySpan<int>)[1, 7])
        {
            if (!c.Has(i)) continue;
            c.Require(i, DType.I32);
            if (c.Shape(i) != ids) throw new OperatorException($"input {i} of shape {c.Shape(i)} does not fit input ids {ids}");
        }
        if (c.Has(8))
        {
            c.Require(8, DType.I32);
            if (c.Shape(8) != ids && c.Shape(8) != new Shape(1, ids[1])) throw new OperatorException($"position ids {c.Shape(8)} do not fit input ids {ids}");
        }
        else if (c.Has(3) && c.Shape(3).Rank == 2 && c.Shape(3)[0] < ids[1]) throw new OperatorException($"{ids[1]} positions exceed the table {c.Shape(3)}");
        foreach (int i in (ReadOnlySpan<int>)[3, 4, 5, 6])
        {
            if (i == 4 && !c.Has(4)) continue;
            c.RequireSame(2, i);
            if (c.Shape(i).Rank != (i < 5 ? 2 : 1) || c.Shape(i)[-1] != hidden) throw new OperatorException($"input {i} of shape {c.Shape(i)} does not fit {hidden} columns");
        }
        var y = new Shape(ids[0], ids[1], hidden);
        c.Set(0, c.DType(2), y);
        c.Set(1, DType.I32, new Shape(ids[0]));
        c.Set(2, c.DType(2), y);
    }
}
