using System.Numerics;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Conv: blocked kernels for f32 with constant weights, plain ones for everything.</summary>
internal static unsafe class ConvCpu
{
    public static IEnumerable<Candidate> Candidates(Conv op, NodeTypes n)
    {
        var s = Shape(op, n.In(0).Shape, n.In(1).Shape);
        bool fuses = EpilogueSteps.Accepts(n);
        double bytes = n.In(0).Bytes + n.In(1).Bytes + (double)n.Out(0).Bytes;
        foreach (var c in ConvBlockedCpu.Candidates(s, n, fuses, bytes / Rates.BytesPerNanosecond)) yield return c;
        foreach (var c in ConvSparseCpu.Candidates(s, n, fuses)) yield return c;
        if (s.GroupChannels == 1) yield return new Candidate("conv-depthwise-f32", b => BindDepthwise(s, b)) { FusesEpilogue = fuses, Nanoseconds = s.Operations / 4 + bytes / Rates.BytesPerNanosecond };
        if (Conv1dF32.Supports(s) && n.Weights[1] is not null && n.In(0).DType == DType.F32)
            yield return new Candidate("conv-1d-f32", b => Bind1d(s, b)) { FusesEpilogue = fuses, Nanoseconds = s.Operations * Padding(s.Window.Outputs, GemmF32.TileRows / 2) / Rates.Operations(GemmF32.Table) + (bytes + n.Out(0).Bytes) / Rates.BytesPerNanosecond };
        // Columns are written to the workspace and read again.
        double columns = 2.0 * sizeof(float) * s.Batch * s.Channels * s.Window.Taps * s.Window.Outputs;
        yield return new Candidate("conv-f32", b => BindF32(s, b)) { FusesEpilogue = fuses, Nanoseconds = s.Operations * Padding(s.Window.Outputs, GemmF32.LaneColumns) / (0.6 * Rates.Operations(GemmF32.Table)) + (bytes + columns) / Rates.BytesPerNanosecond };
        yield return new Candidate("conv-reference", b => Dispatch.Float(b, new ReferenceBinder(s, b))) { Nanoseconds = 2 * s.Operations };
    }

    public static ConvShape Shape(Conv op, Shape x, Shape w) => new(x.Int(0), x.Int(1), w.Int(0), op.Group, SpatialTypes.Window(op.Windows(x, w)));

    /// <summary>True when the node has a bias; a fused step's operand may stand in its place.</summary>
    public static bool HasBias(Node node) => node.Input(2) is not null && EpilogueSteps.IsOwnInput(node, 2);

    private static StepFn BindF32(ConvShape s, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var steps = new EpilogueSteps(b);
        int bias = HasBias(b.Node) ? 2 : int.MaxValue, work = b.Work(Checked.Mul(ConvF32.WorkFloats(s), sizeof(float)));
        return (in StepContext c) => ConvF32.Run(c.Workers, s, (float*)c.InPointer(0), (float*)c.InPointer(1), (float*)c.InPointer(bias), (float*)c.OutPointer(0), (float*)c.WorkPointer(work), steps.At(c));
    }

    // What rounding a count up to whole vectors or tiles costs.
    private static double Padding(int count, int unit) => (double)Checked.AlignUp(count, unit) / Math.Max(1, count);

    private static StepFn Bind1d(ConvShape s, BindContext b)
    {
        var steps = new EpilogueSteps(b);
        var w = b.Pack(1, new PackedLayout("conv-1d-f32", 1, ConvBlockedCpu.Weights(s), DType.F32, Conv1dF32.PackedLength(s)), (weight, to, workers) =>
        {
            var dense = weight.Decode();
            Conv1dF32.Pack(workers, s, (float*)dense.Pointer, (float*)to.Pointer);
            GC.KeepAlive(dense);
        });
        int bias = HasBias(b.Node) ? 2 : int.MaxValue, work = b.Work(Checked.Mul(Conv1dF32.WorkFloats(s), sizeof(float)));
        return (in StepContext c) => Conv1dF32.Run(c.Workers, s, (float*)c.InPointer(0), (float*)w.Pointer, (float*)c.InPointer(bias), (float*)c.OutPointer(0), (float*)c.WorkPointer(work), steps.At(c));
    }

    private static StepFn BindDepthwise(ConvShape s, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var steps = new EpilogueSteps(b);
        int bias = HasBias(b.Node) ? 2 : int.MaxValue;
        return (in StepContext c) => ConvDepthwiseF32.Run(c.Workers, s, (float*)c.InPointer(0), (float*)c.InPointer(1), (float*)c.InPointer(bias), (float*)c.OutPointer(0), steps.At(c));
    }

    private readonly struct ReferenceBinder(ConvShape s, BindContext b) : IFloatBinder
    {
        public StepFn Bind<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            SpatialTypes.RequireSame(b, 1, 2);
            var shape = s;
            return (in StepContext c) => ConvReference.Run(c.Workers, shape, (T*)c.InPointer(0), (T*)c.InPointer(1), (T*)c.InPointer(2), (T*)c.OutPointer(0));
        }
    }
}
