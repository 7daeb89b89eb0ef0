using Engine.Graph;
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
            foreach (var c in Packed(s, n).Concat(SlicedConvCpu.Candidates(s, n))) yield return c;
        yield return new Candidate("binary-conv", b => BindPlain(s, b)) { Nanoseconds = 2 * s.Operations };
    }

    /// <summary>The sums as those of a convolution; rows of a product are images of one pixel.</summary>
    public static ConvShape Shape(BinaryConv op, Shape x, Shape w) =>
        w.Rank == 2 ? new(x.Count(0, x.Rank - 1), w.Int(1), w.Int(0), 1, new(WindowDim.One, WindowDim.One, WindowDim.One)) : ConvCpu.Shape(op.Conv, x, w);

    private static bool Constants(NodeTypes n) => Enumerable.Range(2, 3).All(i => !IsOwn(n, i) || n.Values[i] is not null);

    /// <summary>Output channels whose direction is below 0.</summary>
    public static bool[] Negative(NodeTypes n, int channels) => n.Has(3) ? [.. n.Values[3]!.Span<sbyte>().ToArray().Select(d => d < 0)] : new bool[channels];

    // Operands of fused steps stand behind the operator's own.
    public static bool IsOwn(NodeTypes n, int i) => n.Has(i) && EpilogueSteps.IsOwnInput(n.Node, i);

    public static bool ToSigns(NodeTypes n) => IsOwn(n, 2) && n.In(2).DType == DType.I32;

    private static IEnumerable<Candidate> Packed(ConvShape s, NodeTypes n)
    {
        bool product = n.In(1).Shape.Rank == 2;
        var bits = new BitsEncoding(product ? n.In(0).Shape.Rank - 1 : 1);
        string stem = product ? "gemm-binary" : "conv-binary";
        if (ToSigns(n))
        {
            if (n.Node.Epilogue.Count == 0) yield return new Candidate(stem, b => BindSigns(s, n, b)) { Accepts = [bits], Produces = bits, Execution = "packed", Nanoseconds = BinaryRates.Packed(s, false) };
            yield break;
        }
        if (!Fuses(n)) yield break;
        bool sign = Sign(n) is not null;
        foreach (var e in sign ? [SpatialTypes.Blocked] : product ? [Encoding.Plain] : (Encoding[])[SpatialTypes.Blocked, Encoding.Plain])
            yield return new Candidate(stem, b => BindSums(s, n, e, b))
            {
                Accepts = Accepted(n, e, bits),
                Produces = e,
                ProducesBeside = sign ? bits : Encoding.Plain,
                // Planes are turned into place before anything is added, and lanes of a block may belong to two groups.
                Overwrites = e == Encoding.Plain && !product || s.Group > 1 && s.GroupOutChannels % ConvBlocked.Block != 0 ? -1 : Residual(n),
                Execution = "packed",
                FusesEpilogue = true,
                Nanoseconds = BinaryRates.Packed(s, true),
            };
    }

    /// <summary>The fused sign, which is output 1, or null.</summary>
    public static EpilogueStep? Sign(NodeTypes n) => n.Node.Epilogue is [.., { Op: BinarySign } last] ? last : null;

    /// <summary>Encodings of a layer's inputs that makes f32 in <paramref name="to"/> of <paramref name="from"/>.</summary>
    public static Encoding?[] Accepted(NodeTypes n, Encoding to, Encoding from)
    {
        var accepts = EpilogueSteps.Accepted(n, to, from);
        if (Sign(n) is { Operand: >= 0 and var t }) accepts[t] = null;
        return accepts;
    }

    /// <summary>Input that is added, or −1.</summary>
    public static int Residual(NodeTypes n) => n.Node.Epilogue.FirstOrDefault(e => e.Op is Add)?.Operand ?? -1;

    /// <summary>True where the steps behind are a residual, ReLU and the sign of the result; each may be left out.</summary>
    public static bool Fuses(NodeTypes n)
    {
        if (Residual(n) is >= 0 and var r && !(n.Has(r) && n.In(r) == n.Out(0))) return false;
        if (Sign(n) is { } sign)
        {
            // Groups may share words of signs.
            if (n.In(1).Shape.Rank == 2 || ((BinaryConv)n.Node.Op).Conv.Group > 1) return false;
            if (sign.Operand >= 0 && n.Values[sign.Operand] is not { Shape.Elements: 1 }) return false;
        }
        return n.Node.Epilogue.Where(e => e.Op is not BinarySign).Select(e => e.Op).ToList() is [] or [Relu] or [Add] or [Add, Relu];
    }

    private static (ConvBinary Conv, Tensor Weights, int Work) Bind(ConvShape s, BindContext b)
    {
        var conv = new ConvBinary(s);
        var packed = b.Pack(1, new PackedLayout("conv-binary", 1, conv.Form, DType.U8, conv.PackedBytes), (w, to, _) =>
        {
            var signs = BinaryTrees.Signs(w).Words;
            conv.Pack(signs.Span<ulong>(), to.Bytes);
            GC.KeepAlive(signs);
        });
        return (conv, packed, b.Work(conv.WorkBytes));
    }

    private static StepFn BindSigns(ConvShape s, NodeTypes n, BindContext b)
    {
        var (conv, packed, work) = Bind(s, b);
        int words = ChannelBits.Words(s.OutChannels), padded = SignStore.Padded(s.OutChannels);
        var terms = Tensor.Allocate(DType.I32, new Shape(2, padded));
        SignStore.Terms(n.Values[2]!.Span<int>(), Negative(n, s.OutChannels), terms.Span<int>());
        return (in StepContext c) => conv.Run(c.Workers, (ulong*)c.InPointer(0), packed.Pointer, c.WorkPointer(work), new SignStore((ulong*)c.OutPointer(0), words, (int*)terms.Pointer, padded));
    }

    private static StepFn BindSums(ConvShape s, NodeTypes n, Encoding to, BindContext b)
    {
        var (conv, packed, work) = Bind(s, b);
        var affine = new BinaryAffine(s, n, to);
        return (in StepContext c) => conv.Run(c.Workers, (ulong*)c.InPointer(0), packed.Pointer, c.WorkPointer(work), affine.Store(c));
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
            else if (c.Has(2) || c.Has(3) || c.Has(4)) BinaryReference.Affine(c.Out<float>(0), s.OutChannels, outputs, c.In<float>(2), c.In<float>(3), c.In<float>(4));
        };
    }
}
