using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>What <see cref="Pad"/> puts beyond the edges.</summary>
public enum PadMode
{
    /// <summary>One value.</summary>
    Constant,
    /// <summary>The input mirrored at its edge element.</summary>
    Reflect,
    /// <summary>The edge element.</summary>
    Edge,
    /// <summary>The input repeated.</summary>
    Wrap,
}

/// <summary>ONNX Pad: elements added before and after each axis; a negative count removes them, before any are added.</summary>
public sealed class Pad(Attributes a) : Operator(a)
{
    private readonly long[]? _pads = a.Opset < 11 ? a.Ints(a.Opset < 2 ? "paddings" : "pads") ?? throw new OperatorException("attribute 'pads' is missing") : null;

    /// <summary>What is put beyond the edges.</summary>
    public PadMode Mode { get; } = a.String("mode", "constant") switch
    {
        "constant" => PadMode.Constant,
        "reflect" => PadMode.Reflect,
        "edge" => PadMode.Edge,
        "wrap" => PadMode.Wrap,
        var m => throw new OperatorException($"mode '{m}' is none of constant, reflect, edge, wrap"),
    };

    /// <summary>The constant where no input gives it.</summary>
    public float Value { get; } = a.Opset < 11 ? a.Float("value", 0) : 0;

    /// <summary>True when input 2 may hold the constant.</summary>
    public bool ValueIsInput => _pads is null;

    /// <inheritdoc/>
    public override string Name => "Pad";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        long[]? pads = null, axes = null;
        if (_pads is null)
        {
            if (!c.TryLongs(1, out pads)) return;
            if (c.Has(3) && !c.TryLongs(3, out axes)) return;
            if (Mode == PadMode.Constant && c.Has(2) && c.Shape(2).Elements != 1) throw new OperatorException($"the constant has shape {c.Shape(2)}, expected one element");
            if (c.Has(2)) c.RequireSame(0, 2);
        }
        c.Set(0, c.DType(0), PaddedShape(c.Shape(0), Amounts(c.Shape(0), pads, axes)));
    }

    /// <summary>Counts added before and after each axis; <paramref name="pads"/> and <paramref name="axes"/> are the values of inputs 1 and 3.</summary>
    public (long Before, long After)[] Amounts(Shape x, long[]? pads, long[]? axes)
    {
        pads = _pads ?? pads ?? throw new OperatorException("input 1 is missing");
        var where = axes is null ? [.. Enumerable.Range(0, x.Rank)] : AxisList.Distinct(axes, x.Rank);
        if (pads.Length != 2 * where.Length) throw new OperatorException($"{pads.Length} pads do not fit {where.Length} axes");
        var amounts = new (long, long)[x.Rank];
        for (int i = 0; i < where.Length; i++) amounts[where[i]] = (pads[i], pads[where.Length + i]);
        return amounts;
    }

    private Shape PaddedShape(Shape x, (long Before, long After)[] amounts)
    {
        var dims = x.ToArray();
        for (int i = 0; i < dims.Length; i++)
        {
            var (before, after) = amounts[i];
            long kept = dims[i];
            if (before < -kept || after < -kept || (kept += Math.Min(before, 0) + Math.Min(after, 0)) < 0) throw new OperatorException($"pads {before}, {after} remove more than axis {i} of {x} has");
            dims[i] = Checked.Add(Checked.Add(kept, Math.Max(before, 0)), Math.Max(after, 0));
            if (Mode != PadMode.Constant && kept == 0 && dims[i] != 0) throw new OperatorException($"axis {i} of {x} has nothing to pad with");
        }
        return new Shape(dims);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        var x = c.Only();
        long[]? pads = null, axes = null;
        if (_pads is null) (pads, axes) = ((c.Known(1) ?? throw c.Refuse("its amounts are computed")).ToLongs(), c.Has(3) ? (c.Known(3) ?? throw c.Refuse("its axes are computed")).ToLongs() : null);
        var amounts = Amounts(c.Type(0).Shape, pads, axes);
        var (before, after) = amounts[x.Axis];
        if (Mode != PadMode.Constant && (before != 0 || after != 0)) throw c.Refuse("what stands outside the signal depends on its ends");
        float value = !TryValue(c, out float v) ? throw c.Refuse("its value is computed") : v;
        var of = x.Time;
        // Frames before the first become part of the signal; whether one is cut off at the end is known when so many more have come.
        var y = c.Delay(x, Math.Max(Math.Max(0, before - x.Delay), -after), 0, before > 0 || after > 0 ? value : null);
        y = y with { Delay = y.Delay - before, Time = of with { Length = n => Math.Max(0, of.Length(n) + before + after), Newest = of.Newest - of.Step * before } };
        amounts[x.Axis] = (0, 0);
        if (amounts.Any(a => a != (0, 0)))
        {
            var op = new Pad(new Attributes(13, Attributes.Has("mode") ? new Dictionary<string, object> { ["mode"] = Attributes.String("mode", "constant") } : null));
            var constant = Mode == PadMode.Constant ? Graph.Value.Of($"{c.Node.Name}.value", ScalarValue.Fill(x.Type.DType, Shape.Scalar, value)) : null;
            var made = c.Emit(op, [y.Wire, Graph.Value.Of($"{c.Node.Name}.pads", Tensor.Vector<long>([.. amounts.Select(a => a.Before), .. amounts.Select(a => a.After)])), constant])[0]!.Value;
            c.Give(0, y with { Wire = made.Wire, Type = made.Type });
        }
        else c.Alias(0, y);
    }

    private bool TryValue(StreamContext c, out float value)
    {
        value = Value;
        if (!ValueIsInput || !c.Has(2)) return true;
        if (c.Known(2) is not { } t) return false;
        value = (float)ScalarValue.ToDouble(t, "the constant");
        return true;
    }
}
