using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX CenterCropPad: the given axes brought to the given sizes by cutting or zero-padding both ends alike; an odd element goes to the end.</summary>
public sealed class CenterCropPad(Attributes a) : Operator(a)
{
    private readonly long[]? _axes = a.Ints("axes");

    /// <inheritdoc/>
    public override string Name => "CenterCropPad";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (!c.TryLongs(1, out var sizes)) return;
        var x = c.Shape(0);
        var axes = _axes is null ? [.. Enumerable.Range(0, x.Rank)] : AxisList.Distinct(_axes, x.Rank);
        if (sizes.Length != axes.Length) throw new OperatorException($"{sizes.Length} sizes do not fit {axes.Length} axes");
        var dims = x.ToArray();
        for (int i = 0; i < axes.Length; i++) dims[axes[i]] = sizes[i];
        c.Set(0, c.DType(0), new Shape(dims));
    }

    /// <summary>Elements added (negative: removed) before each axis to get from <paramref name="x"/> to <paramref name="y"/>.</summary>
    public static long[] Before(Shape x, Shape y)
    {
        var before = new long[x.Rank];
        for (int i = 0; i < before.Length; i++) before[i] = y[i] >= x[i] ? (y[i] - x[i]) / 2 : -((x[i] - y[i]) / 2);
        return before;
    }
}
