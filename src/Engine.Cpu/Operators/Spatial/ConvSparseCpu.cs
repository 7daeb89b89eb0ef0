using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// Conv in f32 by a weight that is sparse, entry by entry: what is stored as zero, or not at all, meets no activation. The planner weighs it against dense sums and Winograd's method.
/// </summary>
internal static unsafe class ConvSparseCpu
{
    // Bytes that one core copies together a nanosecond, read and written.
    private const double CopyBytesPerNanosecond = 60;

    // Entries come slower than what lies side by side: as measured where few pixels meet them.
    private const double EntryBytesPerNanosecond = 12;

    // As measured on ResNet-50's convolutions and products of 4096²: operations, what an output's part of a block costs beside its entries, in entries, and pixels that are computed together.
    private static (double Operations, double More, int Pixels) Rate => SpmmF32.Table.Tier switch { "avx512" => (170, 4.4, 32), "avx2" => (97, 4.9, 16), "advsimd" or "vector" => (34, 1, 8), _ => (0.5, 0, 1) };

    public static IEnumerable<Candidate> Candidates(ConvShape s, NodeTypes n, bool fuses)
    {
        if (!ConvSpmmF32.Supports(s) || n.In(0).DType != DType.F32 || n.In(1).DType != DType.F32 || n.Weights[1] is not { } w || Form(w) is not var (structure, share)) yield break;
        var conv = new ConvSpmmF32(s);
        yield return new Candidate("conv-spmm-f32", b => Bind(s, conv, b))
        {
            FusesEpilogue = fuses,
            Structure = structure,
            Nanoseconds = Nanoseconds(conv, s, share * s.OutChannels * conv.Depth) + (n.In(0).Bytes + (double)n.Out(0).Bytes) / Rates.BytesPerNanosecond,
        };
    }

    // What the form is called, and the share of entries that may be other than zero; null where all may.
    private static (string, double)? Form(Weight w) => w switch
    {
        SparseNM s => ($"{s.N}:{s.M}{(s.Taps == 1 && s.Shape.Product(2, s.Shape.Rank) > 1 ? " flattened" : "")}", (double)s.N / s.M),
        SparseCsr s => ("conv-spmm-f32", Share(s.Values, w)),
        SparseBlocks s => ("conv-spmm-f32", Share(s.Values, w)),
        _ => NmPatterns.OfChannels(w) is { } form ? (form.ToString(), (double)form.N / form.M) : null,
    };

    private static double Share(Weight values, Weight all) => Math.Min(1, values.Shape.Elements / Math.Max(1.0, all.Shape.Elements));

    // Weights and padded pictures come from caches further away, and every block of pixels is copied together once.
    private static double Nanoseconds(ConvSpmmF32 conv, ConvShape s, double entries)
    {
        double parts = Checked.CeilDiv(conv.Depth, SpmmF32.BlockDepth) * (double)s.OutChannels, picture = 2 * (entries + Rate.More * parts) * Checked.AlignUp(conv.Pixels, Rate.Pixels) / Rate.Operations + 2.0 * sizeof(float) * conv.Depth * conv.Pixels / CopyBytesPerNanosecond;
        return s.Batch * picture + SpmmF32.RecordBytes / 4.0 * entries / EntryBytesPerNanosecond + 2.0 * sizeof(float) * conv.WorkFloats / Rates.BytesPerNanosecond;
    }

    private static StepFn Bind(ConvShape s, ConvSpmmF32 conv, BindContext b)
    {
        var steps = new EpilogueSteps(b);
        var packed = SpmmLinear.Pack(b, 1, b.Weight(1)!, conv.Depth, s.OutChannels, 1, conv.Depth);
        int bias = ConvCpu.HasBias(b.Node) ? 2 : int.MaxValue, work = conv.WorkFloats == 0 ? -1 : b.Work(Checked.Mul(conv.WorkFloats, sizeof(float)));
        return (in StepContext c) =>
            conv.Run(SpmmF32.Table.Best, c.Workers, (float*)c.InPointer(0), packed.Pointer, (float*)c.InPointer(bias), (float*)c.OutPointer(0), work < 0 ? null : (float*)c.WorkPointer(work), steps.At(c));
    }
}
