using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph.Streaming;

/// <summary>Attention of the frames of a hop to keys within a band around them.</summary>
internal static class StreamAttention
{
    /// <summary>Operands of a hop.</summary>
    /// <param name="Query">Queries of its frames.</param>
    /// <param name="Key">Keys that they see, the oldest first.</param>
    /// <param name="Value">Values that belong to the keys.</param>
    /// <param name="Mask">What is added to the scores: the band, and what hides keys outside the signal.</param>
    /// <param name="Delay">How many frames the result comes late.</param>
    /// <param name="Time">Its time.</param>
    public sealed record Hop(Value Query, Value Key, Value Value, Value Mask, long Delay, StreamTime Time);

    /// <summary>
    /// The operands of a hop: queries wait for the newest key that they see, keys and values are kept for as long as a query sees them. <paramref name="rank"/> and <paramref name="batch"/> are those of
    /// the scores.
    /// </summary>
    public static Hop Of(StreamContext c, Pulse q, Pulse k, Pulse v, AttentionBand band, int rank, long batch)
    {
        if (c.Approximate) throw c.Refuse("the frames of a hop are no window");
        if (q.Frames != k.Frames || q.Frames != v.Frames) throw c.Refuse($"its operands bring {q.Frames}, {k.Frames} and {v.Frames} frames a hop");
        if (!band.SeesItself) throw c.Refuse("a query does not see its own frame");
        if (band.SeesAllFuture) throw c.Refuse("a query sees all that comes after it");
        long before = band.Before, after = band.After;
        if (band.SeesAllPast)
        {
            if (c.Windowed) throw c.Refuse("a query sees all that is before it in its window");
            if (c.AttentionWindow == 0) throw c.Refuse("a query sees all that is before it, with no bound; an attention window sets one");
            before = Math.Min(before, c.AttentionWindow - 1);
            c.Deviates($"a query sees the last {before + 1} frames, the model's all before it");
        }
        long delay = Math.Max(q.Delay, Math.Max(k.Delay, v.Delay) + after), overlap = before + after;
        Pulse Past(Pulse x, float pad) => c.Delay(x, delay - after - x.Delay, overlap, pad);
        var type = k.Type.DType;
        var mine = ScalarValue.Fill(type, new Shape(batch, k.Frames), 0);
        var outside = Past(k with { Wire = Value.Of($"{c.Node.Name}.inside", mine), Type = mine.Type, Axis = 1 }, AttentionBand.Hidden(type));
        var dims = new long[rank];
        Array.Fill(dims, 1);
        (dims[0], dims[^1]) = (batch, k.Frames + overlap);
        var hidden = c.Insert(new Reshape(StreamForms.Opset13("allowzero", 1L)), [outside.Wire, Value.Of($"{c.Node.Name}.shape", Tensor.Vector<long>(dims))]);
        var mask = Value.Of($"{c.Node.Name}.band", band.OfHop(type, q.Frames, before));
        if (type != DType.F32) mask = c.Insert(new Cast(StreamForms.Opset13("to", OnnxFloat(type))), [mask]).Wire;
        var added = c.Insert(new Add(Attributes.None), [mask, hidden.Wire]);
        var time = q.Time.With(k.Time with { Newest = k.Time.Newest + after * k.Time.Step });
        return new(c.Delay(q, delay - q.Delay, 0).Wire, Past(k, 0).Wire, Past(v, 0).Wire, added.Wire, delay, time);
    }

    /// <summary>
    /// Attention of several heads in one operator: [batch, frames, heads · width] each, a query sees what <paramref name="bias"/> says of its distance, and nothing that comes after it where
    /// <paramref name="causal"/>.
    /// </summary>
    public static void Heads(StreamContext c, Pulse q, Pulse k, Pulse v, Value? projection, bool causal, int bias, int heads, float scale)
    {
        if (c.Node.Outputs.Skip(1).Any(y => y is not null)) throw c.Refuse("the keys that it gives are those of the whole signal");
        if (c.Has(bias) && c.Known(bias) is null) throw c.Refuse("what it adds to the scores is computed");
        var band = c.Has(bias) ? AttentionBand.Of(c.Known(bias)!) ?? throw c.Refuse("which keys a query sees does not follow from their distance alone") : causal ? AttentionBand.Causal(Math.Max(2, c.AttentionWindow)) : throw c.Refuse("a query sees the whole signal");
        if (c.Has(bias) && causal) band = band.With(AttentionBand.Causal(band.Length))!;
        var hop = Of(c, q, k, v, band, 4, q.Type.Shape[0]);
        var op = new MultiHeadAttention(new Attributes(1, new Dictionary<string, object> { ["num_heads"] = (long)heads, ["scale"] = scale }));
        var y = c.Emit(op, [hop.Query, hop.Key, hop.Value, projection, null, hop.Mask])[0]!.Value;
        c.Give(0, new(y.Wire, y.Type, 1, q.Frames, hop.Delay, hop.Time));
    }

    private static long OnnxFloat(DType t) => t switch { DType.F16 => 10, DType.F64 => 11, DType.BF16 => 16, _ => 1 };
}
