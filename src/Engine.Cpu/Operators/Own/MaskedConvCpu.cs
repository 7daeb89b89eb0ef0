using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>MaskedConv: gathered on blocked tensors, or all filters and then zeros where that is estimated to be faster; on plain tensors always the latter.</summary>
internal static unsafe class MaskedConvCpu
{
    private const int OutMask = 3, InMask = 4, Residual = 5;

    public static IEnumerable<Candidate> Candidates(MaskedConv op, NodeTypes n)
    {
        if (n.Weights[1] is { } w && Conflict(w) is { } form)
            throw new UnsupportedException($"{n.Node.Describe()}: weight '{n.Node.Inputs[1]!.Name}' is {form.Describe()}, whose filters are not stored one by one, and channel masks drop filters by sample: the two do not go together; decode the weight, or multiply the output of a Conv by the mask");
        var s = ConvCpu.Shape(op.Conv, n.In(0).Shape, n.In(1).Shape);
        double bytes = n.In(0).Bytes + n.In(1).Bytes + (double)n.Out(0).Bytes;
        if (ConvMasked.Supports(s) && n.Weights[1] is not null && (n.Node.Input(2) is null || n.Weights[2] is not null) && n.Out(0).Elements > 0)
            yield return new Candidate("conv-masked", b => BindBlocked(op, s, b))
            {
                Accepts = [SpatialTypes.Blocked, null, null, null, null, SpatialTypes.Blocked],
                Produces = SpatialTypes.Blocked,
                Nanoseconds = s.Operations / Rates.Operations(ConvBlocked.Table) + bytes / Rates.BytesPerNanosecond,
            };
        yield return new Candidate("conv-masked-f32", b => BindPlain(op, s, b)) { Nanoseconds = s.Operations / (0.5 * Rates.Operations(GemmF32.Table)) + 2 * bytes / Rates.BytesPerNanosecond };
    }

    // Sparse and difference-coded weights say of a filter's elements where others lie.
    private static Weight? Conflict(Weight w) => w switch
    {
        SparseNM or BinaryTree => w,
        Scaled s => Conflict(s.Inner),
        Permuted p => Conflict(p.Inner),
        WeightSum s => s.Terms.Select(Conflict).FirstOrDefault(t => t is not null),
        _ => null,
    };

    // The kept of a sample's channels, rising; all where there is no mask.
    private static int Kept(byte* mask, bool floats, int sample, int channels, int* kept)
    {
        int count = 0;
        for (int i = 0; i < channels; i++)
            if (mask is null || (floats ? ((float*)mask)[(nint)sample * channels + i] > 0 : mask[(nint)sample * channels + i] != 0)) kept[count++] = i;
        return count;
    }

    private static bool Floats(BindContext b, int input) => b.Has(input) && b.In(input).DType == DType.F32;

    private static StepFn BindBlocked(MaskedConv op, ConvShape s, BindContext b)
    {
        var one = s with { Batch = 1 };
        var w = ConvBlockedCpu.PackDense(b.Weight(1)!, s, false, b);
        var shift = b.Has(2) ? ConvBlockedCpu.PackBias(b, ConvBlocked.BiasLength(s)) : null;
        double rate = Rates.Operations(ConvBlocked.Table), direct = ConvBlockedCpu.Nanoseconds(one), fast = ConvBlockedCpu.WinogradNanoseconds(one), whole = Math.Min(direct, fast);
        var winograd = fast < direct ? ConvBlockedCpu.PackWinograd(b.Weight(1)!, s, b) : null;
        int work = b.Work(Checked.Mul(sizeof(float), ConvMasked.WorkFloats(one))), denseWork = b.Work(Checked.Mul(sizeof(float), Math.Max(ConvBlocked.WorkFloats(one, false), winograd is null ? 0 : ConvWinograd.WorkFloats(one))));
        int kept = b.Work(Checked.Mul(sizeof(int), s.OutChannels + (long)s.Channels));
        bool relu = op.Relu, outFloats = Floats(b, OutMask), inFloats = Floats(b, InMask);
        nint inputFloats = (nint)(Checked.AlignUp(s.Channels, ConvBlocked.Block) * s.Window.Inputs), outputFloats = (nint)(Checked.AlignUp(s.OutChannels, ConvBlocked.Block) * s.Window.Outputs);
        return (in StepContext c) =>
        {
            int* outs = (int*)c.WorkPointer(kept), ins = outs + s.OutChannels;
            float* x = (float*)c.InPointer(0), y = (float*)c.OutPointer(0), plus = (float*)c.InPointer(Residual), bias = shift is null ? null : (float*)shift.Pointer, dense = (float*)c.WorkPointer(denseWork);
            for (int n = 0; n < s.Batch; n++, x += inputFloats, y += outputFloats, plus = plus is null ? null : plus + outputFloats)
            {
                var a = new ConvMasked.Sample
                {
                    X = x,
                    Packed = (float*)w.Pointer,
                    Bias = bias,
                    Plus = plus,
                    Y = y,
                    Outputs = outs,
                    Inputs = ins,
                    OutputCount = Kept(c.InPointer(OutMask), outFloats, n, s.OutChannels, outs),
                    InputCount = Kept(c.InPointer(InMask), inFloats, n, s.Channels, ins),
                    Relu = relu,
                };
                float* space = (float*)c.WorkPointer(work);
                if (ConvMasked.Nanoseconds(one, a.OutputCount, a.InputCount, rate) < whole) ConvMasked.Gathered(ConvBlocked.Table.Best, BlockedSelect.Table.Best, c.Workers, one, a, space);
                else ConvMasked.Masked(ConvBlocked.Table.Best, BlockedSelect.Table.Best, c.Workers, one, a, winograd is null ? null : (float*)winograd.Pointer, dense, space);
            }
        };
    }

    private static StepFn BindPlain(MaskedConv op, ConvShape s, BindContext b)
    {
        if (b.In(1).DType != DType.F32) throw b.Unsupported(1);
        int masked = b.Work(Checked.Mul(sizeof(float), Checked.Mul(s.Batch, Checked.Mul(s.Channels, s.Window.Inputs)))), work = b.Work(Checked.Mul(ConvF32.WorkFloats(s), sizeof(float)));
        int kept = b.Work(Checked.Mul(sizeof(int), Math.Max(s.OutChannels, s.Channels)));
        bool relu = op.Relu, outFloats = Floats(b, OutMask), inFloats = Floats(b, InMask);
        return (in StepContext c) =>
        {
            float* x = (float*)c.InPointer(0), y = (float*)c.OutPointer(0), plus = (float*)c.InPointer(Residual);
            int* list = (int*)c.WorkPointer(kept);
            if (c.Has(InMask))
            {
                float* copy = (float*)c.WorkPointer(masked);
                Planes(s.Batch, s.Channels, s.Window.Inputs, c.InPointer(InMask), inFloats, list, x, copy);
                x = copy;
            }
            var steps = new StoreEpilogue();
            if (plus is not null) steps.Add(plus);
            if (relu) steps.Add(new Activation(ActivationKind.Relu));
            ConvF32.Run(c.Workers, s, x, (float*)c.InPointer(1), (float*)c.InPointer(2), y, (float*)c.WorkPointer(work), steps);
            if (c.Has(OutMask)) Planes(s.Batch, s.OutChannels, s.Window.Outputs, c.InPointer(OutMask), outFloats, list, y, y);
        };
    }

    // Planes of kept channels as they are, the others zero.
    private static void Planes(int batch, int channels, int pixels, byte* mask, bool floats, int* list, float* x, float* y)
    {
        for (int n = 0; n < batch; n++)
        {
            int count = Kept(mask, floats, n, channels, list);
            for (int i = 0, k = 0; i < channels; i++, x += pixels, y += pixels)
                if (k < count && list[k] == i)
                {
                    k++;
                    if (x != y) new ReadOnlySpan<float>(x, pixels).CopyTo(new Span<float>(y, pixels));
                }
                else new Span<float>(y, pixels).Clear();
        }
    }
}
