using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// com.microsoft Attention(input [B, S, D], weights [D, 2·N·H + N·Hv], bias?, mask?, past [2, B, N, P, H]?, attention_bias
/// [B|1, N|1, S, T]?): projects query, key and value, then attends. Outputs: y [B, S, N·Hv]; present [2, B, N, P + S, H].
/// </summary>
public sealed class Attention(Attributes a) : Operator(a)
{
    private readonly long[]? _sizes = a.Ints("qkv_hidden_sizes");

    /// <inheritdoc/>
    public override string Name => "Attention";

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

    /// <summary>Elements of a head's query or key, and of its value.</summary>
    public (int Width, int ValueWidth) Widths(Shape weights)
    {
        if (weights.Rank != 2) throw new OperatorException($"weights have shape {weights}, expected [input, query + key + value]");
        long[] sizes = _sizes ?? [weights[1] / 3, weights[1] / 3, weights[1] / 3];
        if (sizes.Length != 3 || sizes[0] != sizes[1] || sizes[0] <= 0 || sizes[2] <= 0 || sizes[0] % Heads != 0 || sizes[2] % Heads != 0 || sizes[0] > weights[1] || sizes[2] > weights[1] || sizes.Sum() != weights[1])
            throw new OperatorException($"weights {weights} cannot be split in query, key and value of {Heads} heads");
        return (Checked.Int(sizes[0] / Heads), Checked.Int(sizes[2] / Heads));
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (Attributes.Bool("do_rotary")) throw new UnsupportedException("Attention with do_rotary is not supported");
        c.Require(0, DType.F32, DType.F16, DType.BF16);
        c.RequireRank(0, 3);
        foreach (int i in (ReadOnlySpan<int>)[1, 2, 4, 5]) c.RequireSame(0, i);
        var x = c.Shape(0);
        var (width, valueWidth) = Widths(c.Shape(1));
        if (c.Shape(1)[0] != x[2]) throw new OperatorException($"weights {c.Shape(1)} do not fit input {x}");
        if (c.Has(2) && c.Shape(2).Elements != c.Shape(1)[1]) throw new OperatorException($"bias {c.Shape(2)} does not fit weights {c.Shape(1)}");
        long past = 0;
        if (c.Has(4) || c.OutputCount > 1)
        {
            if (width != valueWidth) throw new OperatorException("past and present need values as wide as keys");
            if (c.Has(4))
            {
                c.RequireRank(4, 5);
                past = c.Shape(4)[3];
                if (c.Shape(4) != new Shape(2, x[0], Heads, past, width)) throw new OperatorException($"past {c.Shape(4)} does not fit {Heads} heads of {width}");
            }
        }
        long keys = Checked.Add(past, x[1]);
        AttentionMasks.Of(c.Has(3) ? c.In(3) : null, x[0], x[1], keys);
        if (c.Has(5) && (c.Shape(5).Rank != 4 || Shape.Broadcast(c.Shape(5), new Shape(x[0], Heads, x[1], keys)) != new Shape(x[0], Heads, x[1], keys) || c.Shape(5)[2] != x[1] || c.Shape(5)[3] != keys))
            throw new OperatorException($"attention bias {c.Shape(5)} does not fit [{x[0]},{Heads},{x[1]},{keys}]");
        c.Set(0, c.DType(0), new Shape(x[0], x[1], Checked.Mul(Heads, valueWidth)));
        c.Set(1, c.DType(0), new Shape(2, x[0], Heads, keys, width));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c)
    {
        var (x, w) = (c.Shape(0), c.Shape(1));
        return new(2.0 * x[0] * x[1] * w.Elements + 4.0 * x[0] * x[1] * x[1] * w[1], c.TotalBytes);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        if (c.Has(3) || c.Has(4)) throw c.Refuse(c.Has(3) ? "it hides keys by their place in the signal" : "it starts with keys of its own");
        for (int i = 1; i < 3; i++) if (c.Has(i) && !c.IsConstant(i)) throw c.Refuse($"operand {i} is computed");
        if (c.Stream(0) is not { Axis: 1 } x) throw c.Refuse("the stream does not run along its frames");
        var (width, valueWidth) = Widths(c.Type(1).Shape);
        var all = c.Insert(new MatMul(Attributes.None), [x.Wire, c.Wire(1)]);
        if (c.Has(2)) all = c.Insert(new Add(Attributes.None), [all.Wire, c.Wire(2)]);
        var lengths = Value.Of($"{c.Node.Name}.widths", Tensor.Vector<long>((long)Heads * width, (long)Heads * width, (long)Heads * valueWidth));
        var parts = c.Insert(new Node("split", new Split(StreamForms.Opset13("axis", 2L)), [all.Wire, lengths], [new("query"), new("key"), new("value")]));
        Pulse Part(int i) => x with { Wire = parts[i]!.Value.Wire, Type = parts[i]!.Value.Type };
        StreamAttention.Heads(c, Part(0), Part(1), Part(2), null, Causal, 5, Heads, Scale);
    }
}
