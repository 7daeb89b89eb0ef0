using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Pools on tensors blocked by 16 channels, beside the plain kernels.</summary>
internal static unsafe class PoolBlockedCpu
{
    public static IEnumerable<Candidate> Max(MaxPool op, NodeTypes n)
    {
        if (n.Outputs.Count(t => t is not null) == 1)
            foreach (var c in Windows("max-pool-blocked", PoolBlocked.Kind.Max, op, n)) yield return c;
        yield return new Candidate("max-pool", b => PoolCpu.Max(op, b)) { Nanoseconds = Plain(op, n) };
    }

    public static IEnumerable<Candidate> Average(AveragePool op, NodeTypes n)
    {
        foreach (var c in Windows("average-pool-blocked", op.CountIncludePad ? PoolBlocked.Kind.AveragePadded : PoolBlocked.Kind.Average, op, n)) yield return c;
        yield return new Candidate("average-pool", b => PoolCpu.Average(op, b)) { Nanoseconds = Plain(op, n) };
    }

    public static IEnumerable<Candidate> GlobalAverage(GlobalAveragePool op, NodeTypes n)
    {
        var x = n.In(0).Shape;
        if (n.In(0).DType == DType.F32 && x.Elements > 0)
            yield return new Candidate("global-average-pool-blocked", BindGlobalAverage) { Accepts = [SpatialTypes.Blocked], Nanoseconds = n.In(0).Bytes / Rates.BytesPerNanosecond };
        yield return new Candidate("global-average-pool", b => PoolCpu.GlobalAverage(op, b)) { Nanoseconds = (n.In(0).DType == DType.F32 ? 0 : n.In(0).Elements) + n.In(0).Bytes / Rates.BytesPerNanosecond };
    }

    private static double Plain(Pool op, NodeTypes n)
    {
        var w = SpatialTypes.Window(op.Windows(n.In(0).Shape));
        bool rows = n.In(0).DType == DType.F32 && PoolF32.Supports(w) && n.Outputs.Count(t => t is not null) == 1;
        return rows ? n.Out(0).Elements * ((double)w.H.Kernel / 8 + w.W.Kernel / (w.W.Stride == 1 ? 8.0 : 1)) + (n.In(0).Bytes + n.Out(0).Bytes) / Rates.BytesPerNanosecond : 2.0 * n.Out(0).Elements * w.Taps;
    }

    private static IEnumerable<Candidate> Windows(string stem, PoolBlocked.Kind kind, Pool op, NodeTypes n)
    {
        var axes = op.Windows(n.In(0).Shape);
        if (n.In(0).DType != DType.F32 || axes.Length > 2 || n.Out(0).Elements == 0) yield break;
        var w = SpatialTypes.Window(axes);
        if (!PoolBlocked.Supports(w)) yield break;
        yield return new Candidate(stem, b => BindWindows(kind, w, b))
        {
            Accepts = [SpatialTypes.Blocked],
            Produces = SpatialTypes.Blocked,
            // Padding lanes are computed too.
            Nanoseconds = (double)SpatialTypes.Blocked.StorageBytes(n.Out(0)) / sizeof(float) * w.Taps / 16 + (SpatialTypes.Blocked.StorageBytes(n.In(0)) + SpatialTypes.Blocked.StorageBytes(n.Out(0))) / Rates.BytesPerNanosecond,
        };
    }

    private static StepFn BindWindows(PoolBlocked.Kind kind, Window3 w, BindContext b)
    {
        int planes = Checked.Int(Checked.Mul(b.In(0).Shape[0], Checked.CeilDiv(b.In(0).Shape[1], ConvBlocked.Block)));
        return (in StepContext c) => PoolBlocked.Run(c.Workers, kind, planes, w, (float*)c.InPointer(0), (float*)c.OutPointer(0));
    }

    private static StepFn BindGlobalAverage(BindContext b)
    {
        var x = b.In(0).Shape;
        int batch = x.Int(0), channels = x.Int(1), pixels = x.Count(2, x.Rank);
        return (in StepContext c) => PoolBlocked.GlobalAverage(c.Workers, batch, channels, pixels, (float*)c.InPointer(0), (float*)c.OutPointer(0));
    }
}
