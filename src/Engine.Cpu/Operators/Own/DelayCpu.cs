using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// Delays of streams in whatever encoding keeps frames apart: plain, blocked by channels, 8-bit codes. The state is in the encoding of the stream, at the begin of its tensor.
/// </summary>
internal static unsafe class DelayCpu
{
    public static IEnumerable<Candidate> Candidates(Delay op, NodeTypes n)
    {
        var x = n.In(0);
        bool channels = x.Shape.Rank >= 3 && op.Axis(x.Shape) >= 2 && x.Elements > 0;
        if (n.InGrid(0) is { } grid && x.DType == DType.F32)
        {
            if (channels) yield return Of("delay-channels-last", op, n, ChannelsLastEncoding.Of(grid));
            yield return Of("delay-codes", op, n, QuantizedEncoding.Of(grid));
        }
        else if (channels && x.DType == DType.F32) yield return Of("delay-blocked", op, n, SpatialTypes.Blocked);
        yield return Of("delay", op, n, Encoding.Plain);
    }

    private static Candidate Of(string stem, Delay op, NodeTypes n, Encoding e) => new(stem, b => Bind(op, b, e))
    {
        Accepts = [e],
        Produces = e,
        Nanoseconds = 2.0 * (e.StorageBytes(n.In(0)) + e.StorageBytes(n.Out(0))) / Rates.BytesPerNanosecond,
    };

    // Rows of frames, and bytes of a frame in a row.
    private static (long Rows, long FrameBytes) Layout(Encoding e, TensorType x, int axis)
    {
        var s = x.Shape;
        long behind = s.Product(axis + 1, s.Rank);
        return e switch
        {
            BlockedEncoding b => (s[0] * Checked.CeilDiv(s[1], b.Block) * s.Product(2, axis), behind * b.Block * sizeof(float)),
            ChannelsLastEncoding => (s[0] * s.Product(2, axis), behind * Checked.AlignUp(s[1], 4)),
            QuantizedEncoding => (s.Product(0, axis), behind),
            _ => (s.Product(0, axis), x.DType.ByteCount(behind)),
        };
    }

    private static byte[] Pad(Encoding e, DType type, float pad)
    {
        if (e is CodeEncoding c)
        {
            int code = c.Grid.Encode(pad);
            return [(byte)(e is ChannelsLastEncoding && c.Code == DType.I8 ? code + 128 : code)];
        }
        double value = !float.IsInfinity(pad) || type.IsFloat() ? pad : Bound(type, pad < 0);
        return ScalarValue.Encode(type, value)[..Checked.Int(type.ByteCount(1))];
    }

    private static double Bound(DType type, bool lowest) => type switch
    {
        DType.I8 => lowest ? sbyte.MinValue : sbyte.MaxValue,
        DType.U8 => lowest ? 0 : byte.MaxValue,
        _ => throw new UnsupportedException($"padding with a bound of {type.Display()}"),
    };

    private static StepFn Bind(Delay op, BindContext b, Encoding e)
    {
        var x = b.In(0);
        if (x.DType.IsPacked()) throw b.Unsupported();
        int axis = op.Axis(x.Shape);
        var (rowCount, frameBytes) = Layout(e, x, axis);
        int rows = Checked.Int(rowCount);
        if (x.Elements == 0) return static (in StepContext _) => { };
        var move = new DelayRows(x.Shape[axis], op.Extra, op.Overlap, frameBytes);
        long total = x.Shape[axis] + op.Overlap;
        byte[] pad = Pad(e, x.DType, op.Pad);
        int streams = b.Has(2) ? b.In(2).Shape.Int(0) : 0, ranges = b.Has(2) ? b.In(2).Shape.Int(1) : 0, index = (int)op.Index;
        return (in StepContext c) =>
        {
            byte* y = c.OutPointer(0);
            move.Run(c.Workers, rows, c.InPointer(0), c.InPointer(1), y, c.OutPointer(1));
            var visible = c.In<long>(2);
            for (int s = 0; s < streams; s++)
            {
                long from = Math.Clamp(visible[(s * ranges + index) * 2], 0, total), to = Math.Clamp(visible[(s * ranges + index) * 2 + 1], from, total);
                if (from == 0 && to == total) continue;
                for (int r = rows / streams * s; r < rows / streams * (s + 1); r++) move.Fill(y + r * move.OutputBytes, from, to, pad);
            }
        };
    }
}
