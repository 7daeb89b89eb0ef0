using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft RotaryEmbedding(x, position_ids, cos [M, R / 2], sin [M, R / 2]): x [B, S, heads · H] or [B, heads, S, H]; each head's
/// first R elements turn by the angles of its position. position_ids i64: [B, S], or one element that counts up along S.
/// </summary>
public sealed class RotaryEmbedding(Attributes a) : Operator(a)
{
    private readonly long _heads = a.Int("num_heads", 0), _rotary = a.Int("rotary_embedding_dim", 0);

    /// <inheritdoc/>
    public override string Name => "RotaryEmbedding";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>Neighbours form pairs, else halves.</summary>
    public bool Interleaved { get; } = a.Bool("interleaved");

    /// <summary>Batch, heads, positions, elements a head, elements that turn.</summary>
    public (int Batch, int Heads, int Rows, int Width, int Turned) Sizes(Shape x, Shape cos)
    {
        if (cos.Rank != 2) throw new OperatorException($"cos has shape {cos}, expected [positions, half]");
        long turned = _rotary > 0 ? _rotary : 2 * cos[1], width, heads;
        if (x.Rank == 4) (heads, width) = (x[1], x[3]);
        else if (x.Rank == 3)
        {
            if (_rotary > 0 && _heads <= 0) throw new OperatorException("rotary_embedding_dim needs num_heads");
            width = _heads > 0 ? x[2] / _heads : turned;
            heads = width == 0 ? 0 : x[2] / width;
            if (heads * width != x[2]) throw new OperatorException($"the last axis of {x} cannot be split in heads of {width}");
        }
        else throw new OperatorException($"input 0 has shape {x}, expected rank 3 or 4");
        if (turned > width || turned != 2 * cos[1]) throw new OperatorException($"{turned} turned elements do not fit heads of {width} and {cos[1]} angles");
        return (x.Int(0), Checked.Int(heads), x.Int(x.Rank == 4 ? 2 : 1), Checked.Int(width), Checked.Int(turned));
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        c.Require(1, DType.I64);
        c.RequireSame(0, 2);
        c.RequireSame(0, 3);
        if (c.Shape(2) != c.Shape(3)) throw new OperatorException($"cos {c.Shape(2)} and sin {c.Shape(3)} differ in shape");
        var s = Sizes(c.Shape(0), c.Shape(2));
        if (c.Shape(1).Elements != 1 && c.Shape(1) != new Shape(s.Batch, s.Rows)) throw new OperatorException($"position_ids {c.Shape(1)} do not fit {c.Shape(0)}");
        c.Set(0, c.In(0));
    }
}
