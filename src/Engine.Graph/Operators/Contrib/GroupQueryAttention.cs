using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft GroupQueryAttention(query [B, S, N·H], key [B, S, K·H], value alike, past_key [B, K, P, H]?, past_value?, seqlens_k,
/// total_sequence_length, cos [M, R / 2]?, sin?): y [B, S, N·H], present_key and present_value [B, K, T, H] with T = max(P,
/// total_sequence_length). Groups of N / K query heads share a key and value head. Without key and value, query holds all three,
/// [B, S, (N + 2·K)·H]. seqlens_k holds the last position of each entry; S rows at the total length are the first ones, and have no past.
/// </summary>
public sealed class GroupQueryAttention : Operator
{
    /// <summary>Inputs of the cosines and sines.</summary>
    public const int Cos = 7, Sin = 8;

    /// <summary>An operator with these attributes.</summary>
    public GroupQueryAttention(Attributes a) : base(a)
    {
        (Heads, KeyHeads) = (Count("num_heads"), Count("kv_num_heads"));
        if (Heads % KeyHeads != 0) throw new OperatorException($"{Heads} heads cannot share {KeyHeads} key and value heads");
        Scale = a.Float("scale", 0);
        Turns = a.Bool("do_rotary");
        Interleaved = a.Bool("rotary_interleaved");
        int Count(string name) => a.Int(name) is var n and > 0 and <= 1 << 20 ? (int)n : throw new OperatorException($"{name} is {a.Int(name)}, expected at least 1");
    }

    /// <inheritdoc/>
    public override string Name => "GroupQueryAttention";

    /// <inheritdoc/>
    public override string Domain => QuantizedOperators.Microsoft;

    /// <summary>Query heads.</summary>
    public int Heads { get; }

    /// <summary>Key and value heads.</summary>
    public int KeyHeads { get; }

    /// <summary>Factor of the products; 0 for 1 / √H.</summary>
    public float Scale { get; }

    /// <summary>Queries and keys turn by the angles of their positions.</summary>
    public bool Turns { get; }

    /// <summary>Neighbours form pairs that turn, else halves.</summary>
    public bool Interleaved { get; }

    /// <summary>Elements of a head.</summary>
    public long Width(Shape query, bool packed)
    {
        long heads = packed ? Heads + 2L * KeyHeads : Heads;
        return query.Rank == 3 && query[2] > 0 && query[2] % heads == 0 ? query[2] / heads : throw new OperatorException($"query {query} cannot be split in {heads} heads");
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        RequireSupported(c);
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        foreach (int i in (ReadOnlySpan<int>)[1, 2, 3, 4, Cos, Sin]) c.RequireSame(0, i);
        if (c.Has(1) != c.Has(2) || c.Has(3) != c.Has(4)) throw new OperatorException("keys and values come together");
        var q = c.Shape(0);
        long width = Width(q, !c.Has(1)), past = 0;
        for (int i = 1; i <= 2; i++)
            if (c.Has(i) && c.Shape(i) != new Shape(q[0], q[1], KeyHeads * width)) throw new OperatorException($"input {i} of shape {c.Shape(i)} does not fit query {q} and {KeyHeads} heads of {width}");
        if (c.Has(3))
        {
            c.RequireRank(3, 4);
            past = c.Shape(3)[2];
            if (c.Shape(3) != new Shape(q[0], KeyHeads, past, width) || c.Shape(4) != c.Shape(3)) throw new OperatorException($"past {c.Shape(3)} and {c.Shape(4)} do not fit {KeyHeads} heads of {width}");
        }
        c.Require(5, DType.I32);
        c.Require(6, DType.I32);
        if (c.Shape(5).Elements != q[0] || c.Shape(6).Elements != 1) throw new OperatorException($"seqlens_k {c.Shape(5)} and total_sequence_length {c.Shape(6)} do not fit a batch of {q[0]}");
        if (Turns && (c.Shape(Cos).Rank != 2 || c.Shape(Sin) != c.Shape(Cos) || c.Shape(Cos)[1] > width / 2)) throw new OperatorException($"cos {c.Shape(Cos)} and sin {c.Shape(Sin)} do not fit heads of {width}");
        c.Set(0, c.DType(0), new Shape(q[0], q[1], Heads * width));
        if (!c.TryLongs(6, out long[] total)) return;
        if (total[0] < q[1]) throw new OperatorException($"total_sequence_length {total[0]} is less than the {q[1]} positions of the query");
        for (int i = 1; i <= 2; i++) c.Set(i, c.DType(0), new Shape(q[0], KeyHeads, Math.Max(past, total[0]), width));
    }

    private void RequireSupported(InferContext c)
    {
        if (Attributes.Int("local_window_size", -1) > 0 || Attributes.Float("softcap", 0) > 0 || Attributes.Bool("smooth_softmax"))
            throw new UnsupportedException("GroupQueryAttention with local_window_size, softcap or smooth_softmax is not supported");
        for (int i = Sin + 1; i < c.InputCount; i++)
            if (c.Has(i)) throw new UnsupportedException($"GroupQueryAttention with input {i} is not supported");
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c)
    {
        var q = c.Shape(0);
        double keys = c.Outputs.Count > 1 && c.Outputs[1] is { } present ? present.Shape[2] : q[1];
        return new(4.0 * q[0] * q[1] * keys * Heads * Width(q, !c.Has(1)), c.TotalBytes);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => throw c.Refuse("sequences have lengths of their own");
}
