using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// engine Delay(x, state?, visible?): one hop of a stream, later and with old frames before it. With P frames of x along <c>axis</c> and S = <c>extra</c> + <c>overlap</c> frames of state, z is state and x
/// one after the other; output 0 is the first P + <c>overlap</c> frames of z, output 1, the next hop's state, the last S. What a state holds is for its delay alone to read; zeros are a state. Where visible is given, i64 [1 or N, D, 2], frames of output 0 outside
/// [visible[n, <c>index</c>, 0], visible[n, <c>index</c>, 1]) hold <c>pad</c>; infinities stand for the bounds of integer types.
/// </summary>
public sealed class Delay : Operator
{
    // Kernels keep channels in blocks of so many.
    private const int ChannelBlock = 16;

    private readonly long _axis;

    /// <summary>Reads the attributes.</summary>
    public Delay(Attributes a) : base(a)
    {
        _axis = a.Int("axis");
        (Extra, Overlap, Index, Pad) = (a.Int("extra", 0), a.Int("overlap", 0), a.Int("index", 0), a.Float("pad", 0));
        if (Extra < 0 || Overlap < 0) throw new OperatorException($"extra is {Extra} and overlap {Overlap}, expected 0 or more");
        Frames = Checked.Add(Extra, Overlap);
    }

    /// <inheritdoc/>
    public override string Name => "Delay";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <summary>Frames that the stream comes later.</summary>
    public long Extra { get; }

    /// <summary>Old frames before those of the hop.</summary>
    public long Overlap { get; }

    /// <summary>Frames of state.</summary>
    public long Frames { get; }

    /// <summary>Row of the visible ranges.</summary>
    public long Index { get; }

    /// <summary>What stands in frames that are not visible.</summary>
    public float Pad { get; }

    /// <summary>The streamed axis of <paramref name="x"/>.</summary>
    public int Axis(Shape x) => AxisList.One(x, _axis);

    /// <summary>Shape of the state for <paramref name="x"/>: room for whole blocks of channels where the stream runs behind them.</summary>
    public Shape StateShape(Shape x) => StateShape(x, Axis(x), Frames);

    /// <inheritdoc cref="StateShape(Shape)"/>
    public static Shape StateShape(Shape x, int axis, long frames)
    {
        var s = x.With(axis, frames);
        return x.Rank >= 3 && axis >= 2 ? s.With(1, Checked.AlignUp(x[1], ChannelBlock)) : s;
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        int axis = Axis(x);
        var state = StateShape(x);
        if (Frames > 0 && c.In(1) != new TensorType(c.DType(0), state)) throw new OperatorException($"state {c.In(1)} is not {Frames} frames of {c.In(0)} along axis {axis}");
        if (c.Has(2))
        {
            c.Require(2, DType.I64);
            var v = c.Shape(2);
            if (v.Rank != 3 || v[2] != 2 || Index < 0 || Index >= v[1]) throw new OperatorException($"visible ranges {v} have no row {Index}");
            if (v[0] != 1 && (axis == 0 || v[0] != x[0])) throw new OperatorException($"visible ranges {v} are not those of the {x[0]} streams in {x}");
        }
        c.Set(0, c.DType(0), x.With(axis, Checked.Add(x[axis], Overlap)));
        c.Set(1, c.DType(0), state);
    }

    /// <summary>The operator for a delay.</summary>
    public static Delay Of(int axis, long extra, long overlap, long index, float pad) => new(new Attributes(1, new Dictionary<string, object>
    {
        ["axis"] = (long)axis,
        ["extra"] = extra,
        ["overlap"] = overlap,
        ["index"] = index,
        ["pad"] = pad,
    }));
}
