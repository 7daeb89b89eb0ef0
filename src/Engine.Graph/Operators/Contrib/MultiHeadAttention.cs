using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft MultiHeadAttention(query [B, S, N·H], key [B, L, N·H] or [B, N, L, H], value alike, bias [2·N·H + N·Hv]?,
/// key_padding_mask?, attention_bias [B|1, N|1, S, T]?, past_key [B, N, P, H]?, past_value?): y [B, S, N·Hv], present_key and
/// present_value [B, N, T, ·] with T = P + L. Packed QKV and KV forms are not supported.
/// </summary>
public sealed class MultiHeadAttention(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "MultiHeadAttention";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>Heads.</summary>
    public int Heads { get; } = a.Int("num_heads") is var n and > 0 and <= 1 << 20 ? (int)n : throw new OperatorException($"num_heads is {a.Int("num_heads")}, expected at least 1");

    /// <summary>Factor of the products; 0 for 1 / √H.</summary>
    public float Scale { get; } = a.Float("scale", 0);

    /// <summary>Added where a mask hides a key.</summary>
    public float Filter { get; } = a.Float("mask_filter_value", -10000);

    /// <summary>A query sees no later keys.</summary>
    public bool Causal { get; } = a.Bool("unidirectional");

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        if (!c.Has(1) || !c.Has(2)) throw new UnsupportedException("MultiHeadAttention with packed query, key and value is not supported");
        var q = c.Shape(0);
        if (q.Rank != 3) throw new UnsupportedException($"MultiHeadAttention with a query of shape {q} is not supported");
        if (q[2] == 0 || q[2] % Heads != 0) throw new OperatorException($"query {q} cannot be split in {Heads} heads");
        var (l, width) = Rows(c.Shape(1), q, "key");
        var (lv, valueWidth) = Rows(c.Shape(2), q, "value");
        if (l != lv || width != q[2] / Heads) throw new OperatorException($"key {c.Shape(1)} and value {c.Shape(2)} do not fit query {q}");
        if (c.Has(3) && c.Shape(3).Elements != Checked.Mul(Heads, 2 * width + valueWidth)) throw new OperatorException($"bias {c.Shape(3)} does not fit {Heads} heads of {width}");
        if (c.Has(6) != c.Has(7)) throw new OperatorException("past key and past value come together");
        long past = 0;
        if (c.Has(6))
        {
            c.RequireRank(6, 4);
            past = c.Shape(6)[2];
            if (c.Shape(6) != new Shape(q[0], Heads, past, width) || c.Shape(7) != new Shape(q[0], Heads, past, valueWidth)) throw new OperatorException($"past {c.Shape(6)} and {c.Shape(7)} do not fit {Heads} heads of {width} and {valueWidth}");
        }
        long keys = Checked.Add(past, l);
        AttentionMasks.Of(c.Has(4) ? c.In(4) : null, q[0], q[1], keys);
        if (c.Has(5) && (c.Shape(5).Rank != 4 || Shape.Broadcast(c.Shape(5), new Shape(q[0], Heads, q[1], keys)) != new Shape(q[0], Heads, q[1], keys) || c.Shape(5)[2] != q[1] || c.Shape(5)[3] != keys))
            throw new OperatorException($"attention bias {c.Shape(5)} does not fit [{q[0]},{Heads},{q[1]},{keys}]");
        foreach (int i in (ReadOnlySpan<int>)[1, 2, 3, 5, 6, 7]) c.RequireSame(0, i);
        c.Set(0, c.DType(0), new Shape(q[0], q[1], Checked.Mul(Heads, valueWidth)));
        c.Set(1, c.DType(0), new Shape(q[0], Heads, keys, width));
        c.Set(2, c.DType(0), new Shape(q[0], Heads, keys, valueWidth));
    }

    private (long Length, long Width) Rows(Shape s, Shape q, string what)
    {
        bool fits = s.Rank is 3 or 4 && s[0] == q[0] && (s.Rank == 4 ? s[1] == Heads : s[2] > 0 && s[2] % Heads == 0);
        if (!fits) throw new OperatorException($"{what} {s} does not fit query {q} in {Heads} heads");
        return s.Rank == 4 ? (s[2], s[3]) : (s[1], s[2] / Heads);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        if (c.Has(4) || c.Has(6)) throw c.Refuse(c.Has(4) ? "it hides keys by their place in the signal" : "it starts with keys of its own");
        if (c.Has(3) && !c.IsConstant(3)) throw c.Refuse("its bias is computed");
        if (c.Stream(0) is not { Axis: 1 } q || c.Stream(1) is not { } k || c.Stream(2) is not { } v || k.Axis != k.Type.Shape.Rank - 2 || v.Axis != v.Type.Shape.Rank - 2) throw c.Refuse("queries, keys and values are not frames of the stream");
        StreamAttention.Heads(c, q, k, v, c.Wire(3), Causal, 5, Heads, Scale);
    }
}
