using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Operators that move data, on f32 tensors blocked by 16 channels, so that networks need not leave the blocked layout around them.</summary>
internal static unsafe class BlockedMovementCpu
{
    private const int MostInputs = 64;

    public static void Register(KernelRegistry r)
    {
        r.Extend<Concat>(Join);
        r.Extend<Transpose>(ChannelsLast);
    }

    private static IEnumerable<Candidate> Join(Concat op, NodeTypes n)
    {
        var y = n.Out(0);
        if (y.DType != DType.F32 || y.Shape.Rank < 3 || y.Elements == 0 || op.Axis(y.Shape) != 1 || n.Inputs.Count > MostInputs || n.Inputs.Any(t => t is null || t.Elements == 0)) yield break;
        // Constants are brought in blocks once, when the node is bound.
        bool[] constant = [.. n.Inputs.Select((_, i) => n.Weights[i] is not null)];
        yield return new Candidate("concat-blocked", b => BindJoin(constant, b))
        {
            Accepts = [.. constant.Select(c => c ? null : SpatialTypes.Blocked)],
            Produces = SpatialTypes.Blocked,
            Nanoseconds = 4.0 * SpatialTypes.Blocked.StorageBytes(y) / Rates.BytesPerNanosecond,
        };
    }

    private static StepFn BindJoin(bool[] constant, BindContext b)
    {
        var x = b.In(0).Shape;
        int batch = x.Int(0), spatial = x.Count(2, x.Rank), inputs = b.InputCount;
        int[] channels = [.. Enumerable.Range(0, inputs).Select(i => b.In(i).Shape.Int(1))];
        Tensor?[] packed = [.. constant.Select((c, i) => c ? Pack(b, i, batch, channels[i], spatial) : null)];
        return (in StepContext c) =>
        {
            var parts = stackalloc BlockedMove.Part[inputs];
            for (int i = 0; i < inputs; i++) parts[i] = new(packed[i] is { } t ? (nint)t.Pointer : (nint)c.InPointer(i), channels[i]);
            BlockedMove.Concat(c.Workers, batch, spatial, parts, inputs, (float*)c.OutPointer(0));
        };
    }

    private static Tensor Pack(BindContext b, int input, int batch, int channels, int spatial)
    {
        var layout = new PackedLayout("blocked", 1, $"{batch}x{channels}x{spatial} by {ConvBlocked.Block}", DType.F32, Checked.Mul(Checked.Mul(batch, spatial), Checked.AlignUp(channels, ConvBlocked.Block)));
        return b.Pack(input, layout, (w, to, workers) => BlockedConvert.ToBlocked(workers, w.Decode().Span<float>(), batch, channels, spatial, ConvBlocked.Block, to.Span<float>()));
    }

    private static IEnumerable<Candidate> ChannelsLast(Transpose op, NodeTypes n)
    {
        var x = n.In(0);
        if (x.DType != DType.F32 || x.Shape.Rank < 3 || x.Elements == 0) yield break;
        int rank = x.Shape.Rank;
        if (!op.Permutation(rank).SequenceEqual([0, .. Enumerable.Range(2, rank - 2), 1])) yield break;
        yield return new Candidate("channels-last-blocked", BindChannelsLast) { Accepts = [SpatialTypes.Blocked], Nanoseconds = 2.0 * (SpatialTypes.Blocked.StorageBytes(x) + x.Bytes) / Rates.BytesPerNanosecond };
    }

    private static StepFn BindChannelsLast(BindContext b)
    {
        var x = b.In(0).Shape;
        int batch = x.Int(0), channels = x.Int(1), spatial = x.Count(2, x.Rank);
        return (in StepContext c) => BlockedMove.ToChannelsLast(c.Workers, batch, channels, spatial, (float*)c.InPointer(0), (float*)c.OutPointer(0));
    }
}
