using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX CumSum: running sums along the axis in input 1, from either end, the own element counted or not.</summary>
public sealed class CumSum(Attributes a) : Operator(a)
{
    /// <summary>True to leave the own element out.</summary>
    public bool Exclusive { get; } = a.Bool("exclusive");

    /// <summary>True to start at the end.</summary>
    public bool Reverse { get; } = a.Bool("reverse");

    /// <inheritdoc/>
    public override string Name => "CumSum";

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F64, DType.F16, DType.BF16, DType.I32, DType.I64, DType.U32, DType.U64);
        c.Require(1, DType.I32, DType.I64);
        if (c.Shape(1).Elements != 1) throw new OperatorException($"axis has shape {c.Shape(1)}, expected one element");
        c.Set(0, c.In(0));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        var x = c.Only();
        var shape = x.Type.Shape;
        int axis = c.Known(1) is { } known ? shape.Axis(known.ToLongs()[0]) : throw c.Refuse("its axis is computed");
        if (axis != x.Axis)
        {
            StreamForms.Give(c, this, c.Wires(), x.Axis, [(0, x)]);
            return;
        }
        if (c.Windowed) throw c.Refuse("it starts anew in every window");
        if (Reverse) throw c.Refuse("it runs from the end of the signal");
        (x, long reset) = StreamRecurrence.AtHop(c, x);
        // The sum so far stands before the frames of the hop, so that sums are rounded as over a whole signal.
        var sum = c.State(new TensorType(x.Type.DType, shape.With(axis, 1)), null, reset);
        var joined = c.Insert(new Concat(StreamForms.Opset13("axis", (long)axis)), [sum, x.Wire]);
        var sums = c.Insert(new CumSum(new Attributes(14)), [joined.Wire, c.Wire(1)]);
        Value?[] Part(long from, long to) => [sums.Wire, Place("from", from), Place("to", to), Place("axis", axis)];
        Value Place(string what, long at) => Value.Of($"{c.Node.Name}.{what}", Tensor.Vector<long>(at));
        c.Next(sum, c.Insert(new Slice(new Attributes(13)), Part(x.Frames, x.Frames + 1)).Wire);
        var y = c.Emit(new Slice(new Attributes(13)), Part(Exclusive ? 0 : 1, Exclusive ? x.Frames : x.Frames + 1))[0]!.Value;
        c.Give(0, x with { Wire = y.Wire, Type = y.Type });
    }
}
