using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph.Streaming;

/// <summary>Streaming forms that operators share.</summary>
internal static class StreamForms
{
    // Lengths that no fixed shape has by chance: a dimension that follows them is that of the stream.
    private const long Probe = 1009, OtherProbe = 2003;

    /// <summary>Operands that broadcast together; <paramref name="align"/> gives the shape of an operand as NumPy's rule needs it.</summary>
    public static void Join(StreamContext c, Func<int, Shape>? align = null)
    {
        align ??= i => c.Type(i).Shape;
        int rank = 0;
        for (int i = 0; i < c.InputCount; i++) if (c.Has(i)) rank = Math.Max(rank, align(i).Rank);
        var streams = Aligned(c, out var inputs);
        int axis = -1;
        foreach (var (i, p) in streams)
        {
            int at = rank - align(i).Rank + p.Axis;
            if (axis >= 0 && at != axis) throw c.Refuse("its operands are streamed along different axes");
            axis = at;
        }
        for (int i = 0; i < c.InputCount; i++)
        {
            if (!c.Has(i) || c.Stream(i) is not null) continue;
            if (!c.IsConstant(i)) throw c.Refuse($"operand {i} is computed of a whole window");
            int at = axis - (rank - align(i).Rank);
            if (at >= 0 && align(i)[at] != 1) throw c.Refuse($"operand {i} of shape {align(i)} has a value for every frame");
        }
        Give(c, c.Node.Op, inputs, axis, streams);
    }

    /// <summary>All streams, delayed to the latest; the others as they are.</summary>
    public static List<(int Input, Pulse Pulse)> Aligned(StreamContext c, out Value?[] inputs)
    {
        inputs = c.Wires();
        var streams = new List<(int Input, Pulse Pulse)>();
        for (int i = 0; i < c.InputCount; i++) if (c.Stream(i) is { } p) streams.Add((i, p));
        long latest = streams.Max(s => s.Pulse.Delay);
        for (int k = 0; k < streams.Count; k++)
        {
            var (i, p) = streams[k];
            if (p.Frames != streams[0].Pulse.Frames) throw c.Refuse($"its operands bring {streams[0].Pulse.Frames} and {p.Frames} frames a hop");
            streams[k] = (i, p = c.Delay(p, latest - p.Delay, 0));
            inputs[i] = p.Wire;
        }
        return streams;
    }

    /// <summary>The operator itself on the frames of a hop, streamed along <paramref name="axis"/> of every result.</summary>
    public static void Give(StreamContext c, Operator op, IReadOnlyList<Value?> inputs, int axis, IReadOnlyList<(int Input, Pulse Pulse)> streams)
    {
        var time = streams.Select(s => s.Pulse.Time).Aggregate((a, b) => a.With(b));
        var made = c.Emit(op, inputs);
        for (int i = 0; i < made.Count; i++)
            if (made[i] is { } y) c.Give(i, new(y.Wire, y.Type, axis, streams[0].Pulse.Frames, streams[0].Pulse.Delay, time));
    }

    /// <summary>The operator itself on its only stream, which must not run along an axis that <paramref name="spoils"/>; <paramref name="axis"/> is the streamed axis of the results.</summary>
    public static void Along(StreamContext c, Func<int, bool> spoils, string what, int? axis = null)
    {
        var x = c.Only();
        if (spoils(x.Axis)) throw c.Refuse(what);
        Give(c, c.Node.Op, c.Wires(), axis ?? x.Axis, [(0, x)]);
    }

    /// <summary>
    /// The operand of windows along the streamed axis, and the pulse facts of what windows without padding over it give: frames kept from earlier hops, delayed so that padding and strides fall as
    /// over a whole signal.
    /// </summary>
    public static (Pulse Operand, long Delay, StreamTime Time) Window(StreamContext c, Pulse x, WindowAxis w, long padEnd, bool ceil, float pad)
    {
        long reach = (w.Kernel - 1L) * w.Dilation + 1, stride = w.Stride, begin = w.PadBegin;
        c.RequireMultiple(x, stride);
        var (extra, overlap, delay) = Place(x.Delay, w);
        var y = c.Delay(x, extra, overlap, begin > 0 || padEnd > 0 || ceil ? pad : null);
        return (y, delay, x.Time.Windows(stride, reach - 1 - begin, n => Windows(n), reach));

        long Windows(long n)
        {
            long free = n + begin + padEnd - reach;
            if (free < 0) return 0;
            long windows = (ceil ? Checked.CeilDiv(free, stride) : free / stride) + 1;
            return ceil && (windows - 1) * stride >= n + begin ? windows - 1 : windows;
        }
    }

    // How much later frames must come, how many old ones are kept, and how late windows then are.
    private static (long Extra, long Overlap, long Delay) Place(long delay, WindowAxis w)
    {
        long overlap = Math.Max(0, (w.Kernel - 1L) * w.Dilation + 1 - w.Stride), extra = Math.Max(0, w.PadBegin - (delay + overlap));
        long late = (delay + overlap + extra - w.PadBegin) % w.Stride;
        if (late != 0) extra += w.Stride - late;
        return (extra, overlap, (delay + extra + overlap - w.PadBegin) / w.Stride);
    }

    /// <summary>An operator of windows that adds operand <paramref name="residual"/>, another stream, to its results: whichever comes earlier waits.</summary>
    public static void Residual(StreamContext c, WindowAttributes window, ReadOnlySpan<long> kernel, int residual, Func<Attributes, Operator> make)
    {
        if (c.Stream(0) is not { Axis: > 1 } x || c.Stream(residual) is not { } sum || c.Approximate) throw c.Refuse("what it adds to its results does not come with them");
        int k = x.Axis - 2;
        var axes = Resolve(window, x, kernel);
        long wait = 0;
        while (Place(x.Delay + wait, axes[k]).Delay is var early && early < sum.Delay) wait += (sum.Delay - early) * axes[k].Stride;
        var (operand, delay, time) = Window(c, c.Delay(x, wait, 0), axes[k], axes[k].PadEnd, false, 0);
        sum = c.Delay(sum, delay - sum.Delay, 0);
        if (sum.Frames != x.Frames / axes[k].Stride) throw c.Refuse($"its operands bring {x.Frames / axes[k].Stride} and {sum.Frames} frames a hop");
        var inputs = c.Wires();
        (inputs[0], inputs[residual]) = (operand.Wire, sum.Wire);
        var y = c.Emit(make(WithPads(c.Node.Op.Attributes, axes, k)), inputs)[0]!.Value;
        c.Give(0, new(y.Wire, y.Type, x.Axis, sum.Frames, delay, time.With(sum.Time)));
    }

    /// <summary>The windows over a stream. With padding that follows from the length, lengths are taken to be multiples of the stride.</summary>
    public static WindowAxis[] Resolve(WindowAttributes window, Pulse x, ReadOnlySpan<long> kernel)
    {
        bool same = window.AutoPad is AutoPad.SameUpper or AutoPad.SameLower;
        return window.Resolve(x.Type.Shape.With(x.Axis, same ? Checked.Mul(x.Frames, 64) : Math.Max(x.Frames, 1L << 20)), kernel);
    }

    /// <summary>Attributes for windows whose spatial axis <paramref name="k"/> has its padding already.</summary>
    public static Attributes WithPads(Attributes a, WindowAxis[] axes, int k) =>
        a.With("pads", (long[])[.. axes.Select((w, i) => i == k ? 0L : w.PadBegin), .. axes.Select((w, i) => i == k ? 0L : w.PadEnd)]).With("auto_pad", "NOTSET");

    /// <summary>An operator of windows over spatial axes.</summary>
    /// <param name="c">The node.</param>
    /// <param name="window">Its window attributes.</param>
    /// <param name="kernel">Extents of the weights, or none.</param>
    /// <param name="pad">What stands outside the signal.</param>
    /// <param name="make">The operator with other attributes.</param>
    public static void Windows(StreamContext c, WindowAttributes window, ReadOnlySpan<long> kernel, float pad, Func<Attributes, Operator> make)
    {
        var x = c.Only();
        if (x.Axis == 0)
        {
            Give(c, c.Node.Op, c.Wires(), 0, [(0, x)]);
            return;
        }
        if (x.Axis == 1) throw c.Refuse("it sums over channels, along which the stream runs");
        int k = x.Axis - 2;
        if (c.Approximate)
        {
            Whole(c, x, window, kernel, k);
            return;
        }
        var axes = Resolve(window, x, kernel);
        var (operand, delay, time) = Window(c, x, axes[k], axes[k].PadEnd, window.Ceil && window.AutoPad == AutoPad.NotSet, pad);
        // Where a window needs fewer results than a hop would give, it is run on windows.
        if (c.Windowed && c.WholeLength(x) is { } n && axes[k].Stride * WholeWindows(c, x, time) < x.Frames) throw c.Refuse($"of {n} frames in a window it makes {WholeWindows(c, x, time)}, a hop would make {x.Frames / axes[k].Stride}");
        var op = make(WithPads(c.Node.Op.Attributes, axes, k));
        var inputs = c.Wires();
        inputs[0] = operand.Wire;
        var y = c.Emit(op, inputs)[0]!.Value;
        c.Give(0, new(y.Wire, y.Type, x.Axis, (int)(x.Frames / axes[k].Stride), delay, time));
    }

    private static long WholeWindows(StreamContext c, Pulse x, StreamTime time) => c.WholeLength(x with { Time = time }) ?? 0;

    // The frames of a hop as a signal of their own.
    private static void Whole(StreamContext c, Pulse x, WindowAttributes window, ReadOnlySpan<long> kernel, int k)
    {
        var any = window.Resolve(x.Type.Shape.With(x.Axis, Math.Max(x.Frames, 1L << 20)), kernel)[k];
        long reach = (any.Kernel - 1L) * any.Dilation + 1;
        if (reach > (long)x.Frames + any.PadBegin + any.PadEnd) throw c.Refuse($"a window of {reach} frames does not fit the {x.Frames} of a hop");
        var w = window.Resolve(x.Type.Shape, kernel)[k];
        if ((long)w.Output * w.Stride != x.Frames) throw c.Refuse($"{x.Frames} frames by themselves give {w.Output} windows of stride {w.Stride}, which do not cover them");
        var y = c.Emit(c.Node.Op, c.Wires())[0]!.Value;
        c.Give(0, new(y.Wire, y.Type, x.Axis, w.Output, x.Delay / w.Stride, x.Time.Windows(w.Stride, w.Stride - 1, n => n / w.Stride, x.Frames)));
    }

    /// <summary>All that a hop brings pooled to one frame of one element a channel, where windows consist of whole hops; else null.</summary>
    public static Pulse? HopOf(StreamContext c, Pulse x, Func<Attributes, Operator> pool)
    {
        if (c.WholeLength(x) is not { } whole || whole % x.Frames != 0) return null;
        x = c.Delay(x, (x.Frames - x.Delay % x.Frames) % x.Frames, 0);
        long[] window = [.. Enumerable.Range(2, x.Type.Shape.Rank - 2).Select(i => x.Type.Shape[i])];
        var y = c.Insert(pool(new Attributes(13, new Dictionary<string, object> { ["kernel_shape"] = window, ["strides"] = window })), [x.Wire]);
        int frames = x.Frames;
        return new(y.Wire, y.Type, x.Axis, 1, x.Delay / frames, x.Time.Windows(frames, frames - 1, n => n / frames, frames));
    }

    /// <summary>Another shape of the same elements, in which the streamed axis must be found again.</summary>
    public static void View(StreamContext c, Func<Shape, Shape?> of)
    {
        var x = c.Only();
        foreach (long? n in (long?[])[Probe, c.WholeLength(x), x.Type.Shape[x.Axis]])
        {
            if (n is not { } length) continue;
            var from = x.Type.Shape.With(x.Axis, length);
            if (of(from) is not { } to || to.Elements != from.Elements) continue;
            long before = from.Product(0, x.Axis);
            var places = Enumerable.Range(0, to.Rank).Where(i => to[i] == length && to.Product(0, i) == before).ToList();
            if (places.Count == 0) throw c.Refuse($"it joins the stream's axis {x.Axis} of {x.Type} with others");
            if (places.Count > 1) throw c.Refuse($"it cannot be told which axis of {to} is the stream's");
            int axis = places[0];
            var y = to.With(axis, x.Type.Shape[x.Axis]);
            var shape = Value.Of($"{c.Node.Name}.shape", Tensor.Vector<long>(y.Dims));
            var made = c.Emit(new Reshape(Opset13("allowzero", 1L)), [x.Wire, shape])[0]!.Value;
            c.Give(0, x with { Wire = made.Wire, Type = made.Type, Axis = axis });
            return;
        }
        throw c.Refuse("its shape is not that of any number of frames");
    }

    /// <summary>
    /// An operator each frame of whose results depends on the same frame of its operands alone: the streamed axis of the results is found by what happens to an odd length. One that sums over the
    /// stream, or joins it with something, has no such axis.
    /// </summary>
    public static void Follow(StreamContext c, string reason)
    {
        for (int i = 0; i < c.InputCount; i++)
            if (c.Has(i) && c.Stream(i) is null && !c.IsConstant(i)) throw c.Refuse($"operand {i} is computed of a whole window");
        var streams = Aligned(c, out var inputs);
        var outputs = Infer(c, i => c.Stream(i) is { } p ? c.Type(i).Shape.With(p.Axis, Probe) : c.Type(i).Shape) ?? throw c.Refuse(reason);
        int axis = Axis(c, outputs[0], reason);
        if (outputs.Any(o => o is { } s && Axis(c, s, reason) != axis)) throw c.Refuse(reason);
        Give(c, c.Node.Op, inputs, axis, streams);
    }

    private static int Axis(StreamContext c, Shape? shape, string reason)
    {
        var axes = shape is { } s ? Enumerable.Range(0, s.Rank).Where(i => s[i] == Probe).ToArray() : [];
        return axes.Length == 1 ? axes[0] : throw c.Refuse(reason);
    }

    /// <summary>The shape of output 0 for another shape of input 0, or null where the operator takes none such.</summary>
    public static Shape? Infer(StreamContext c, Shape x) => Infer(c, i => i == 0 ? x : c.Type(i).Shape)?[0];

    private static Shape?[]? Infer(StreamContext c, Func<int, Shape> shape)
    {
        var types = Enumerable.Range(0, c.InputCount).Select(i => c.Has(i) ? new TensorType(c.Type(i).DType, shape(i)) : null).ToArray();
        var infer = new InferContext(types, [.. Enumerable.Range(0, c.InputCount).Select(c.Known)], c.Node.Outputs.Count);
        try
        {
            c.Node.Op.Infer(infer);
        }
        catch (EngineException)
        {
            return null;
        }
        return infer.Missing.Count > 0 ? null : [.. infer.Outputs.Select((t, i) => c.Node.Outputs[i] is null ? null : t?.Shape)];
    }

    /// <summary>Frames that a part leaves out at the begin and the end of the stream; null where it is not the same for every length.</summary>
    public static (long Begin, long End)? Crop(Func<long, (long Start, long Step, long Count)> part)
    {
        var (a, b) = (part(Probe), part(OtherProbe));
        return a.Step == 1 && b.Step == 1 && a.Start == b.Start && Probe - a.Count == OtherProbe - b.Count ? (a.Start, Probe - a.Start - a.Count) : null;
    }

    /// <summary>Attributes of a node of our own making.</summary>
    public static Attributes Opset13(string name, object value) => new(13, new Dictionary<string, object> { [name] = value });
}
