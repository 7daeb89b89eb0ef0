using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Slice: from start to end by step along the given axes; negative positions count from the end, and all are cut to the axis.</summary>
public sealed class Slice(Attributes a) : Operator(a)
{
    private readonly bool _inputs = a.Opset >= 10;
    private readonly long[]? _starts = a.Ints("starts"), _ends = a.Ints("ends"), _axes = a.Ints("axes");

    /// <inheritdoc/>
    public override string Name => "Slice";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        long[] starts = [], ends = [];
        long[]? axes = null, steps = null;
        if (_inputs)
        {
            bool known = c.TryLongs(1, out starts) & c.TryLongs(2, out ends);
            if (c.Has(3)) known &= c.TryLongs(3, out axes);
            if (c.Has(4)) known &= c.TryLongs(4, out steps);
            if (!known) return;
        }
        var region = Resolve(c.Shape(0), starts, ends, axes, steps);
        c.Set(0, c.DType(0), new Shape([.. region.Select(r => r.Count)]));
    }

    /// <summary>First position, step and count along every axis; the arguments are the values of inputs 1 to 4.</summary>
    public (long Start, long Step, long Count)[] Resolve(Shape x, long[] starts, long[] ends, long[]? axes, long[]? steps)
    {
        if (!_inputs)
        {
            starts = _starts ?? throw new OperatorException("attribute 'starts' is missing");
            ends = _ends ?? throw new OperatorException("attribute 'ends' is missing");
            axes = _axes;
        }
        if (starts.Length != ends.Length || axes is not null && axes.Length != starts.Length || steps is not null && steps.Length != starts.Length)
            throw new OperatorException($"starts, ends, axes and steps have {starts.Length}, {ends.Length}, {axes?.Length ?? starts.Length} and {steps?.Length ?? starts.Length} elements");
        if (starts.Length > x.Rank) throw new OperatorException($"{starts.Length} starts do not fit input {x}");
        var where = axes is null ? [.. Enumerable.Range(0, starts.Length)] : AxisList.Distinct(axes, x.Rank);
        var region = new (long Start, long Step, long Count)[x.Rank];
        for (int i = 0; i < region.Length; i++) region[i] = (0, 1, x[i]);
        for (int i = 0; i < where.Length; i++) region[where[i]] = Along(x[where[i]], starts[i], ends[i], steps?[i] ?? 1);
        return region;
    }

    private static (long, long, long) Along(long n, long start, long end, long step)
    {
        if (step == 0) throw new OperatorException("a step is zero");
        if (n == 0) return (0, 1, 0);
        if (start < 0) start += n;
        if (end < 0) end += n;
        if (step > 0)
        {
            (start, end) = (Math.Clamp(start, 0, n), Math.Clamp(end, 0, n));
            return end <= start ? (0, 1, 0) : (start, step, (end - start - 1) / step + 1);
        }
        (start, end) = (Math.Clamp(start, 0, n - 1), Math.Clamp(end, -1, n - 1));
        return end >= start ? (0, 1, 0) : (start, step, (end - start + 1) / step + 1);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        var x = c.Only();
        long[] starts = [], ends = [];
        if (_inputs) (starts, ends) = (Longs(1) ?? throw c.Refuse("its begin is computed"), Longs(2) ?? throw c.Refuse("its end is computed"));
        var shape = c.Type(0).Shape;
        (long Start, long Step, long Count)[] Part(long n) => Resolve(shape.With(x.Axis, n), starts, ends, Longs(3), Longs(4));
        if (StreamForms.Crop(n => Part(n)[x.Axis]) is not { } crop) throw c.Refuse("the part of the signal that it keeps depends on the length");
        var part = Part(shape[x.Axis]);
        int[] axes = [.. Enumerable.Range(0, shape.Rank).Where(i => i != x.Axis && part[i] != (0, 1, shape[i]))];
        var of = x.Time;
        // Whether a frame is cut off at the end is known when so many more have come.
        x = c.Delay(x, crop.End, 0);
        var y = x with { Delay = x.Delay + crop.Begin, Time = of with { Length = n => Math.Max(0, of.Length(n) - crop.Begin - crop.End), Newest = of.Newest + of.Step * crop.Begin } };
        if (axes.Length > 0)
        {
            Value Constant(string what, Func<int, long> f) => Value.Of($"{c.Node.Name}.{what}", Tensor.Vector<long>([.. axes.Select(f)]));
            long End(int i) => part[i].Start + part[i].Step * part[i].Count is var end && end < 0 ? long.MinValue : end;
            var made = c.Emit(new Slice(new Attributes(13)), [x.Wire, Constant("starts", i => part[i].Start), Constant("ends", End), Constant("axes", i => i), Constant("steps", i => part[i].Step)])[0]!.Value;
            c.Give(0, y with { Wire = made.Wire, Type = made.Type });
        }
        else c.Alias(0, y);

        long[]? Longs(int i) => c.Has(i) ? (c.Known(i) ?? throw c.Refuse("the part that it keeps is computed")).ToLongs() : null;
    }
}
