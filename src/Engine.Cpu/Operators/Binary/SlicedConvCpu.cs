using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>BinaryConv, bit-sliced: from planes where outputs lie on the pixels of inputs, from words of bits for any window; to planes, or to f32.</summary>
internal static unsafe class SlicedConvCpu
{
    public static IEnumerable<Candidate> Candidates(ConvShape shape, NodeTypes n)
    {
        bool product = n.In(1).Shape.Rank == 2;
        var s = Images(shape);
        if (!SlicedWindow.Supports(s) || s.Window.H.Pad < 0 || s.Window.W.Pad < 0) yield break;
        int axis = product ? n.In(0).Shape.Rank - 1 : 1;
        var planes = new PlanesEncoding(axis);
        foreach (var execution in Executions(n.Weights[1]!))
            foreach (var from in SlicedWindow.IsAligned(s) ? [planes, new BitsEncoding(axis)] : (Encoding[])[new BitsEncoding(axis)])
            {
                bool fromPlanes = from is PlanesEncoding;
                var (stem, name) = execution == SlicedExecution.Fr ? ("conv-binary-fr", "FR") : ("conv-binary-mst", "MST");
                if (BinaryConvCpu.ToSigns(n))
                {
                    if (n.Node.Epilogue.Count == 0)
                        yield return new Candidate(stem, b => BindSigns(s, execution, fromPlanes, n, b))
                        {
                            Accepts = [from],
                            Produces = planes,
                            Execution = name,
                            Nanoseconds = BinaryRates.Sliced(s, execution, n.Weights[1]!, fromPlanes, false, false),
                        };
                }
                else if (BinaryConvCpu.Fuses(n))
                    foreach (var to in product || BinaryConvCpu.Sign(n) is not null ? [Encoding.Plain] : (Encoding[])[Encoding.Plain, SpatialTypes.Blocked])
                        yield return new Candidate(stem, b => BindSums(shape, s, execution, fromPlanes, n, to, b))
                        {
                            Accepts = BinaryConvCpu.Accepted(n, to, from),
                            Produces = to,
                            ProducesBeside = BinaryConvCpu.Sign(n) is null ? Encoding.Plain : planes,
                            Overwrites = BinaryConvCpu.Residual(n),
                            Execution = name,
                            FusesEpilogue = true,
                            Nanoseconds = BinaryRates.Sliced(s, execution, n.Weights[1]!, fromPlanes, true, product || to != Encoding.Plain),
                        };
            }
    }

    // Slices of depth are images of their own where no window spans them.
    private static ConvShape Images(ConvShape s) => s.Window.D is { IsPointwise: true, Output: > 1 and var depth } ? s with { Batch = Checked.Int(Checked.Mul(s.Batch, depth)), Window = s.Window with { D = WindowDim.One } } : s;

    private static SlicedExecution[] Executions(Weight w) => BinaryTrees.Differences(w) is null ? [SlicedExecution.Fr] : [SlicedExecution.Fr, SlicedExecution.Mst];

    // The tree where some of its rows have the other sign than the weight's.
    private static SignedTree? Turned(SlicedExecution execution, NodeTypes n) => execution == SlicedExecution.Mst && BinaryTrees.Of(n.Weights[1]!) is var tree && tree.Negated.Contains(true) ? tree : null;

    private static ConvBinarySliced Bind(ConvShape s, SlicedExecution execution, bool fromPlanes, BindContext b)
    {
        int taps = s.Window.Taps;
        var packed = execution == SlicedExecution.Fr
            ? b.Pack(1, "conv-binary-fr", w => SlicedProgram.PackFr(BinaryTrees.Signs(w), taps))
            : b.Pack(1, "conv-binary-mst", w => SlicedProgram.PackMst(BinaryTrees.Of(w).Tree, taps));
        return new(new(s, fromPlanes), execution, packed);
    }

    private static StepFn BindSigns(ConvShape s, SlicedExecution execution, bool fromPlanes, NodeTypes n, BindContext b)
    {
        var conv = Bind(s, execution, fromPlanes, b);
        int[] t = n.Values[2]!.Span<int>().ToArray();
        bool[] above = BinaryConvCpu.Negative(n, s.OutChannels);
        if (Turned(execution, n) is { } tree)
            for (int m = 0; m < t.Length; m++) (t[m], above[m]) = tree.Turn(m, t[m], above[m]);
        var thresholds = SlicedThresholds.Pack(conv.Window, conv.Program, t, above);
        return (in StepContext c) => conv.ToPlanes(c.Workers, c.InPointer(0), (uint*)thresholds.Pointer, c.OutPointer(0));
    }

    private static StepFn BindSums(ConvShape shape, ConvShape s, SlicedExecution execution, bool fromPlanes, NodeTypes n, Encoding to, BindContext b)
    {
        var conv = Bind(s, execution, fromPlanes, b);
        var affine = new BinaryAffine(shape, n, to, Turned(execution, n));
        return (in StepContext c) => conv.ToF32(c.Workers, c.InPointer(0), affine.Store(c));
    }
}
