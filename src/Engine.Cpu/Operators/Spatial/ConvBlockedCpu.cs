using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Conv on tensors blocked by 16 channels: f32, constant weights and bias.</summary>
internal static unsafe class ConvBlockedCpu
{
    // Above this many plain input channels, blocking the input first is the better way.
    private const int MostPlainChannels = 8;

    // Share of its time that Winograd's method multiplies; the transforms take the rest.
    private const double WinogradShare = 0.7;

    public static IEnumerable<Candidate> Candidates(ConvShape s, NodeTypes n, bool fuses, double memory)
    {
        bool bias = ConvCpu.HasBias(n.Node);
        if (n.Inputs.Concat(n.Outputs).Any(t => t is not null && t.DType != DType.F32) || n.Weights[1] is null || bias && n.Weights[2] is null || n.Out(0).Elements == 0) yield break;
        if (ConvDepthwiseBlocked.Supports(s))
            yield return new Candidate("conv-depthwise-blocked", b => BindDepthwise(s, bias, b))
            {
                Accepts = EpilogueSteps.Accepted(n, SpatialTypes.Blocked, SpatialTypes.Blocked),
                Produces = SpatialTypes.Blocked,
                FusesEpilogue = fuses,
                Nanoseconds = s.Operations * Padding(s.OutChannels) / (0.25 * Rates.Operations(ConvDepthwiseBlocked.Table)) + memory,
            };
        if (!ConvBlocked.Supports(s)) yield break;
        double compute = Nanoseconds(s);
        yield return new Candidate("conv-blocked", b => BindDense(s, false, bias, b))
        {
            Accepts = EpilogueSteps.Accepted(n, SpatialTypes.Blocked, SpatialTypes.Blocked),
            Produces = SpatialTypes.Blocked,
            FusesEpilogue = fuses,
            Nanoseconds = compute + memory,
        };
        if (WinogradNanoseconds(s) < double.PositiveInfinity)
            yield return new Candidate("conv-winograd", b => BindWinograd(s, bias, b))
            {
                Accepts = EpilogueSteps.Accepted(n, SpatialTypes.Blocked, SpatialTypes.Blocked),
                Produces = SpatialTypes.Blocked,
                FusesEpilogue = fuses,
                Nanoseconds = WinogradNanoseconds(s) + memory + ConvWinograd.PackedLength(s) * sizeof(float) / Rates.BytesPerNanosecond,
            };
        if (s.Channels <= MostPlainChannels)
            yield return new Candidate("conv-blocked-first", b => BindDense(s, true, bias, b))
            {
                Accepts = EpilogueSteps.Accepted(n, SpatialTypes.Blocked),
                Produces = SpatialTypes.Blocked,
                FusesEpilogue = fuses,
                Nanoseconds = compute + memory,
            };
    }

    /// <summary>Estimated nanoseconds of the direct sums on one core, memory aside.</summary>
    public static double Nanoseconds(in ConvShape s) => s.Operations * Padding(s.OutChannels) / Rates.Operations(ConvBlocked.Table);

    /// <summary>The same by Winograd's method: a quarter of the multiplications and two transforms; it reads four times the weights. Infinite where it does not apply.</summary>
    public static double WinogradNanoseconds(in ConvShape s) => !ConvWinograd.Supports(s) || Math.Min(s.Channels, s.OutChannels) < ConvBlocked.Block ? double.PositiveInfinity
        : 0.25 / WinogradShare * ConvWinograd.Waste(s) * Nanoseconds(s);

    private static double Padding(int channels) => (double)Checked.AlignUp(channels, ConvBlocked.Block) / channels;

    private static StepFn BindDense(ConvShape s, bool plainInput, bool bias, BindContext b)
    {
        var steps = new EpilogueSteps(b);
        var (of, whole) = Whole(s, b);
        var w = PackDense(of, whole, plainInput, b);
        var shift = bias ? PackBias(b, ConvBlocked.BiasLength(s)) : null;
        int work = b.Work(Checked.Mul(ConvBlocked.WorkFloats(s, plainInput), sizeof(float)));
        return (in StepContext c) => ConvBlocked.Run(c.Workers, s, plainInput, (float*)c.InPointer(0), (float*)w.Pointer, shift is null ? null : (float*)shift.Pointer, (float*)c.OutPointer(0), (float*)c.WorkPointer(work), steps.At(c), whole.Channels);
    }

    private static StepFn BindWinograd(ConvShape s, bool bias, BindContext b)
    {
        var steps = new EpilogueSteps(b);
        var (of, whole) = Whole(s, b);
        var w = PackWinograd(of, whole, b);
        var shift = bias ? PackBias(b, ConvWinograd.BiasLength(s)) : null;
        int work = b.Work(Checked.Mul(ConvWinograd.WorkFloats(s), sizeof(float)));
        return (in StepContext c) => ConvWinograd.Run(c.Workers, s, (float*)c.InPointer(0), (float*)w.Pointer, shift is null ? null : (float*)shift.Pointer, (float*)c.OutPointer(0), (float*)c.WorkPointer(work), steps.At(c), whole.Channels);
    }

    private static StepFn BindDepthwise(ConvShape s, bool bias, BindContext b)
    {
        var steps = new EpilogueSteps(b);
        // Blocks of channels lie one after the other: the first ones are a prefix.
        var (of, whole) = Whole(s, b);
        var w = b.Pack(1, of, new PackedLayout("conv-depthwise-blocked", 1, Weights(whole), DType.F32, ConvDepthwiseBlocked.PackedLength(whole)), (weight, to, _) => ConvDepthwiseBlocked.Pack(whole, weight.Decode().Span<float>(), to.Span<float>()));
        var shift = bias ? PackBias(b, Checked.Int(Checked.AlignUp(s.OutChannels, ConvBlocked.Block))) : null;
        var row = ConvDepthwiseBlocked.Table.Best;
        return (in StepContext c) => ConvDepthwiseBlocked.Run(row, c.Workers, s, (float*)c.InPointer(0), (float*)w.Pointer, shift is null ? null : (float*)shift.Pointer, (float*)c.OutPointer(0), steps.At(c));
    }

    // The weight to pack, and the shape it is packed for: a larger one, where the operand is its first output and input channels in whole blocks.
    private static (Weight, ConvShape) Whole(ConvShape s, BindContext b)
    {
        var w = b.Weight(1)!;
        if (w is not Leading { Whole: var of, Shape: var cut } || !IsPrefix(cut[0], of.Shape[0]) || !IsPrefix(cut[1], of.Shape[1]) || cut.Product(2, cut.Rank) != of.Shape.Product(2, cut.Rank)) return (w, s);
        int outputs = of.Shape.Int(0);
        return (of, s.Group == 1 ? new(s.Batch, of.Shape.Int(1), outputs, 1, s.Window) : new(s.Batch, outputs, outputs, outputs, s.Window));
    }

    private static bool IsPrefix(long part, long whole) => part == whole || part % ConvBlocked.Block == 0;

    /// <summary>What the layouts of a convolution's weights depend on.</summary>
    public static string Weights(in ConvShape s) => $"{s.OutChannels}x{s.Channels} groups {s.Group} window {s.Window.D.Kernel}x{s.Window.H.Kernel}x{s.Window.W.Kernel}";

    /// <summary>Weights of the direct sums: the second operand, or a weight inside it.</summary>
    public static Tensor PackDense(Weight of, ConvShape s, bool plainInput, BindContext b) =>
        b.Pack(1, of, new PackedLayout(plainInput ? "conv-blocked-first" : "conv-blocked", 1, Weights(s), DType.F32, ConvBlocked.PackedLength(s, plainInput)), (weight, to, workers) => ConvBlocked.Pack(workers, s, plainInput, weight.Decode().Span<float>(), to.Span<float>()));

    /// <summary>Weights of Winograd's method.</summary>
    public static Tensor PackWinograd(Weight of, ConvShape s, BindContext b) => b.Pack(1, of, new PackedLayout("conv-winograd", 1, Weights(s), DType.F32, ConvWinograd.PackedLength(s)), (weight, to, workers) =>
    {
        var dense = weight.Decode();
        ConvWinograd.Pack(workers, s, (float*)dense.Pointer, (float*)to.Pointer);
        GC.KeepAlive(dense);
    });

    /// <summary>A constant bias, filled up with zeros.</summary>
    public static Tensor PackBias(BindContext b, int length) =>
        b.Pack(2, new PackedLayout("bias", 1, $"padded to {length}", DType.F32, length), (weight, to, _) => weight.Decode().Span<float>().CopyTo(to.Span<float>()));
}
