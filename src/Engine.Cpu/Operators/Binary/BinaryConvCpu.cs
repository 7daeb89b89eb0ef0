using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>BinaryConv: packed signs by packed signs, or a convolution of numbers.</summary>
internal static unsafe class BinaryConvCpu
{
    public static IEnumerable<Candidate> Candidates(BinaryConv op, NodeTypes n)
    {
        var s = Shape(op, n.In(0).Shape, n.In(1).Shape);
        if (n.Weights[1] is not null && ConvBinary.Supports(s) && Constants(n))
            foreach (var c in Packed(s, n)) yield return c;
        yield return new Candidate("binary-conv", b => BindPlain(s, b)) { Nanoseconds = 2 * s.Operations };
    }

    /// <summary>The sums as those of a convolution; rows of a product are images of one pixel.</summary>
    public static ConvShape Shape(BinaryConv op, Shape x, Shape w) =>
        w.Rank == 2 ? new(x.Count(0, x.Rank - 1), w.Int(1), w.Int(0), 1, new(WindowDim.One, WindowDim.One, WindowDim.One)) : ConvCpu.Shape(op.Conv, x, w);

    private static bool Constants(NodeTypes n) => Enumerable.Range(2, 2).All(i => !IsOwn(n, i) || n.Values[i] is not null);

    // Operands of fused steps stand behind the operator's own.
    private static bool IsOwn(NodeTypes n, int i) => n.Has(i) && EpilogueSteps.IsOwnInput(n.Node, i);

    private static bool ToSigns(NodeTypes n) => IsOwn(n, 2) && n.In(2).DType == DType.I32;

    private static IEnumerable<Candidate> Packed(ConvShape s, NodeTypes n)
    {
        bool product = n.In(1).Shape.Rank == 2;
        var bits = new BitsEncoding(product ? n.In(0).Shape.Rank - 1 : 1);
        string stem = product ? "gemm-binary" : "conv-binary";
        double sums = s.Operations / Rates.SignOperations(GemmBinary.Table), values = (double)n.Out(0).Elements;
        if (ToSigns(n))
        {
            if (n.Node.Epilogue.Count == 0) yield return new Candidate(stem, b => BindSigns(s, n, b)) { Accepts = [bits], Produces = bits, Nanoseconds = sums + values / 32 };
            yield break;
        }
        if (!Fuses(n)) yield break;
        foreach (var e in product ? [Encoding.Plain] : (Encoding[])[SpatialTypes.Blocked, Encoding.Plain])
            yield return new Candidate(stem, b => BindSums(s, n, e, b))
            {
                Accepts = EpilogueSteps.Accepted(n, e, bits),
                Produces = e,
                FusesEpilogue = true,
                Nanoseconds = sums + values * (e == Encoding.Plain && !product ? 1 : 0.5),
            };
    }

    // A residual, then ReLU; either may be left out.
    private static bool Fuses(NodeTypes n) => n.Node.Epilogue switch
    {
        [] => true,
        [{ Op: Relu }] => true,
        [{ Op: Add }] or [{ Op: Add }, { Op: Relu }] => EpilogueSteps.Accepts(n),
        _ => false,
    };

    private static (ConvBinary Conv, Tensor Weights, int Work) Bind(ConvShape s, BindContext b)
    {
        var conv = new ConvBinary(s);
        var packed = b.Pack(1, new PackedLayout("conv-binary", 1, conv.Form, DType.U8, conv.PackedBytes), (w, to, _) =>
        {
            var signs = Words(w);
            conv.Pack(signs.Span<ulong>(), to.Bytes);
            GC.KeepAlive(signs);
        });
        return (conv, packed, b.Work(conv.WorkBytes));
    }

    // Rows of signs in words.
    private static Tensor Words(Weight w)
    {
        if (w is Binary binary) return binary.Words;
        var dense = w.ToF32();
        int rows = w.Shape.Int(0), columns = Checked.Int(w.Shape.Elements / rows);
        var words = Tensor.Allocate(DType.U64, new Shape(Checked.Mul(rows, ChannelBits.Words(columns))));
        ChannelBits.FromPlanes(Workers.Single, (float*)dense.Pointer, rows, columns, 1, 0, false, (ulong*)words.Pointer);
        GC.KeepAlive(dense);
        return words;
    }

    private static StepFn BindSigns(ConvShape s, NodeTypes n, BindContext b)
    {
        var (conv, packed, work) = Bind(s, b);
        int words = ChannelBits.Words(s.OutChannels), padded = SignStore.Padded(s.OutChannels);
        var terms = Tensor.Allocate(DType.I32, new Shape(2, padded));
        var negative = new bool[s.OutChannels];
        if (n.Has(3))
            for (int m = 0; m < negative.Length; m++) negative[m] = n.Values[3]!.Span<sbyte>()[m] < 0;
        SignStore.Terms(n.Values[2]!.Span<int>(), negative, terms.Span<int>());
        return (in StepContext c) => conv.Run(c.Workers, (ulong*)c.InPointer(0), packed.Pointer, c.WorkPointer(work), new SignStore((ulong*)c.OutPointer(0), words, (int*)terms.Pointer, padded));
    }

    private static StepFn BindSums(ConvShape s, NodeTypes n, Encoding to, BindContext b)
    {
        var (conv, packed, work) = Bind(s, b);
        int plane = s.Window.Outputs;
        var places = to == Encoding.Plain ? FloatPlaces.Planes(s.OutChannels, plane) : FloatPlaces.Blocked(s.OutChannels, plane, ConvBlocked.Block);
        Tensor scale = PerChannel(n, 2, 1, s.OutChannels), bias = PerChannel(n, 3, 0, s.OutChannels);
        int residual = n.Node.Epilogue.FirstOrDefault(e => e.Op is Add)?.Operand ?? int.MaxValue;
        float least = n.Node.Epilogue.Any(e => e.Op is Relu) ? 0 : float.NegativeInfinity;
        return (in StepContext c) => conv.Run(c.Workers, (ulong*)c.InPointer(0), packed.Pointer, c.WorkPointer(work), new AffineStore((float*)c.OutPointer(0), places, (float*)scale.Pointer, (float*)bias.Pointer, (float*)c.InPointer(residual), least));
    }

    private static Tensor PerChannel(NodeTypes n, int input, float otherwise, int channels)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(SignStore.Padded(channels)));
        t.Span<float>().Fill(otherwise);
        if (IsOwn(n, input)) n.Values[input]!.Span<float>().CopyTo(t.Span<float>());
        return t;
    }

    private static StepFn BindPlain(ConvShape s, BindContext b)
    {
        int elements = b.In(0).Shape.Count(0, b.In(0).Shape.Rank), signs = b.Work(b.In(0).Bytes), outputs = s.Window.Outputs;
        bool toSigns = b.Has(2) && b.In(2).DType == DType.I32;
        return (in StepContext c) =>
        {
            float* x = (float*)c.WorkPointer(signs);
            BinaryReference.Sign(c.Workers, (float*)c.InPointer(0), 1, 1, elements, null, 0, 1, x);
            ConvReference.Run(c.Workers, s, x, (float*)c.InPointer(1), null, (float*)c.OutPointer(0));
            if (toSigns) BinaryReference.Threshold(c.Out<float>(0), s.OutChannels, outputs, c.In<int>(2), c.In<sbyte>(3));
            else if (c.Has(2) || c.Has(3)) BinaryReference.Affine(c.Out<float>(0), s.OutChannels, outputs, c.In<float>(2), c.In<float>(3));
        };
    }
}
