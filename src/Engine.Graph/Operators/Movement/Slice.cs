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
}
