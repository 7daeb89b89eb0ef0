using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph.Streaming;

/// <summary>
/// Resizing of a stream by a whole factor, up or down. Linear interpolation takes a frame and the next, so it waits for one frame; beyond the ends of the signal, where the operator repeats the last
/// frame, weights of frames outside are left out and the others divided by what is left.
/// </summary>
internal static class StreamResize
{
    public static void Stream(StreamContext c, ResizeBase op)
    {
        for (int i = 1; i < c.InputCount; i++)
            if (c.Has(i) && c.Known(i) is null) throw c.Refuse("its factors are computed");
        var x = c.Only();
        var (up, down) = Factor(c, op, x);
        var all = op.Axes(x.Type.Shape.With(x.Axis, x.Frames), c.Known);
        var attributes = new Attributes(13, op.Attributes.Values.Where(v => v.Key is not ("axes" or "scales" or "height_scale" or "width_scale" or "keep_aspect_ratio_policy")).ToDictionary());
        if (op is Upsample || op.Attributes.Opset < 11) attributes = attributes.With("coordinate_transformation_mode", "asymmetric").With("nearest_mode", "floor");
        var resize = new Resize(attributes);
        if (up == 1 && down == 1) Whole(1);
        else if (op.Coordinates is CoordinateMode.AlignCorners or CoordinateMode.TfCropAndResize) throw c.Refuse("where a frame falls depends on the length of the signal");
        else if (op.Mode == Interpolation.Cubic) throw c.Refuse("what cubic interpolation takes for frames beyond the ends of the signal is its own");
        else if (down > 1) Down();
        else if (c.Approximate || IsRepeat(op, all[x.Axis])) Whole(up);
        else if (op.Mode == Interpolation.Nearest) throw c.Refuse("its rounding is not that of whole frames");
        else if (!x.Type.DType.IsFloat()) throw c.Refuse("integers between two frames are rounded, at the ends of one");
        else Linear();

        Value Scales(int rank, Func<int, float> of) => Value.Of($"{c.Node.Name}.scales", Tensor.Vector<float>([.. Enumerable.Range(0, rank).Select(of)]));
        Value UpScales() => Scales(all.Length, i => i == x.Axis ? up : (float)all[i].Scale);

        // A frame gives so many, and needs no other.
        void Whole(int factor)
        {
            var y = c.Emit(resize, [x.Wire, null, Scales(all.Length, i => i == x.Axis ? factor : (float)all[i].Scale)])[0]!.Value;
            c.Give(0, new(y.Wire, y.Type, x.Axis, x.Frames * factor, x.Delay * factor, Times(factor, x.Time.Newest)));
        }

        StreamTime Times(int factor, double newest)
        {
            var of = x.Time;
            return new(n => of.Length(n) * factor, of.Step / factor, newest);
        }

        void Down()
        {
            if (op.Antialias) throw c.Refuse("its filter reaches beyond the frames that a result lies in");
            if (all.Where((r, i) => i != x.Axis && r.Output != r.Length).Any()) throw c.Refuse("another axis is resized by a factor that does not fit its length");
            var (operand, delay, time) = StreamForms.Window(c, x, new WindowAxis(0, 0, down, down, 1, 0, 0), 0, false, 0);
            var sizes = Value.Of($"{c.Node.Name}.sizes", Tensor.Vector<long>([.. all.Select((r, i) => i == x.Axis ? x.Frames / down : (long)r.Output)]));
            var y = c.Emit(resize, [operand.Wire, null, null, sizes])[0]!.Value;
            c.Give(0, new(y.Wire, y.Type, x.Axis, x.Frames / down, delay, time));
        }

        void Linear()
        {
            bool centred = op.Coordinates != CoordinateMode.Asymmetric;
            // A frame lies between those before and after it, or before the one after it.
            int first = centred ? 1 : 0, overlap = first + 1;
            var ones = ScalarValue.Fill(x.Type.DType, new Shape([.. Enumerable.Range(0, all.Length).Select(i => i == x.Axis ? x.Frames : i == 0 ? x.Type.Shape[0] : 1L)]), 1);
            Value Resized(Pulse p, Value scales)
            {
                var wide = c.Insert(resize, [c.Delay(p, 0, overlap, 0).Wire, null, scales]).Wire;
                Value Place(string what, long at) => Value.Of($"{c.Node.Name}.{what}", Tensor.Vector<long>(at));
                return c.Insert(new Slice(new Attributes(13)), [wide, Place("from", (long)first * up), Place("to", (long)(x.Frames + first) * up), Place("axis", x.Axis)]).Wire;
            }
            var sum = Resized(x, UpScales());
            var share = Resized(x with { Wire = Value.Of($"{c.Node.Name}.ones", ones), Type = ones.Type }, Scales(all.Length, i => i == x.Axis ? up : 1));
            var y = c.Emit(new Div(Attributes.None), [sum, share])[0]!.Value;
            c.Give(0, new(y.Wire, y.Type, x.Axis, x.Frames * up, (x.Delay + 1) * up, Times(up, x.Time.Newest + x.Time.Step * (centred ? 0.5 : (up - 1.0) / up))));
        }
    }

    private static bool IsRepeat(ResizeBase op, ResizeAxis a) => op.Mode == Interpolation.Nearest && (op.Coordinates == CoordinateMode.Asymmetric && op.Rounding(a) == NearestMode.Floor
        || op.Coordinates is CoordinateMode.HalfPixel or CoordinateMode.HalfPixelSymmetric or CoordinateMode.PytorchHalfPixel && op.Rounding(a) is NearestMode.RoundPreferFloor or NearestMode.RoundPreferCeil);

    // Sizes are those of the whole signal; scales serve any length.
    private static (int Up, int Down) Factor(StreamContext c, ResizeBase op, Pulse x)
    {
        const double Near = 1e-6;
        foreach (long? n in (long?[])[x.Frames, c.WholeLength(x)])
        {
            if (n is not { } length) continue;
            ResizeAxis a;
            try
            {
                a = op.Axes(x.Type.Shape.With(x.Axis, length), c.Known)[x.Axis];
            }
            catch (EngineException)
            {
                continue;
            }
            double up = a.Scale, down = 1 / a.Scale;
            if (Math.Round(up) is var u and >= 1 and < 1 << 16 && Math.Abs(up - u) < Near) return ((int)u, 1);
            if (Math.Round(down) is var d and >= 1 and < 1 << 16 && Math.Abs(down - d) < Near * d) return (1, (int)d);
        }
        throw c.Refuse("the stream is not resized by a whole factor");
    }
}
