using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Split: consecutive parts along an axis, of given lengths or as equal as can be.</summary>
public sealed class Split(Attributes a) : Operator(a)
{
    private readonly long _axis = a.Int("axis", 0);
    private readonly long[]? _split = a.Opset < 13 ? a.Ints("split") : null;
    private readonly long? _parts = a.Opset >= 18 && a.Has("num_outputs") ? a.Int("num_outputs") : null;

    /// <inheritdoc/>
    public override string Name => "Split";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <summary>The axis for an input shaped like <paramref name="x"/>.</summary>
    public int Axis(Shape x) => AxisList.One(x, _axis);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        int axis = Axis(x);
        long[]? given = null;
        if (c.Has(1) && !c.TryLongs(1, out given)) return;
        var lengths = Lengths(x, given, c.OutputCount);
        for (int i = 0; i < c.OutputCount; i++) c.Set(i, c.DType(0), x.With(axis, lengths[i]));
    }

    /// <summary>Length of every part; <paramref name="given"/> is the value of input 1.</summary>
    public long[] Lengths(Shape x, long[]? given, int outputs)
    {
        long n = x[Axis(x)];
        var lengths = given ?? _split ?? Equal(n, _parts ?? outputs);
        if (lengths.Length < outputs) throw new OperatorException($"{lengths.Length} parts do not fill {outputs} outputs");
        long sum = 0;
        foreach (long l in lengths) sum = Checked.Add(sum, l);
        if (sum != n) throw new OperatorException($"parts [{string.Join(',', lengths)}] do not sum to {n}, the length of the axis of {x}");
        return lengths;
    }

    private long[] Equal(long n, long parts)
    {
        if (parts < 1 || parts > Math.Max(n, Attributes.OutputCount)) throw new OperatorException($"cannot split {n} elements in {parts} parts");
        if (Attributes.Opset < 18 && n % parts != 0) throw new OperatorException($"cannot split {n} elements in {parts} equal parts");
        long each = Checked.CeilDiv(n, parts), last = n - each * (parts - 1);
        if (last < 0) throw new OperatorException($"cannot split {n} elements in {parts} parts of {each}");
        var lengths = new long[Checked.Int(parts)];
        Array.Fill(lengths, each);
        lengths[^1] = last;
        return lengths;
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it cuts the stream's axis");
}
