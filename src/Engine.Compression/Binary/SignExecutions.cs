using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>One way to run a layer of signs.</summary>
/// <param name="Form">Its name: packed, fr, or tree.</param>
/// <param name="Kernel">Stem and tier.</param>
/// <param name="Run">One run.</param>
internal sealed record SignExecution(string Form, string Kernel, Action Run);

/// <summary>The ways to run a layer of signs, on any signs of its shape, its weights packed: what is measured. Words or planes go in as they lie inside a network, and signs or f32 come out.</summary>
internal static unsafe class SignExecutions
{
    public const string Packed = "packed", Shared = "fr", Tree = "tree";

    /// <summary>The shape of a layer as a convolution, rows of a product being images of one pixel; null where it has more than two axes to slide over.</summary>
    public static ConvShape? Shape(BinaryConv op, Shape x, Shape w)
    {
        if (w.Rank == 2) return new(Checked.Int(x.Product(0, x.Rank - 1)), w.Int(1), w.Int(0), 1, new(WindowDim.One, WindowDim.One, WindowDim.One));
        WindowDim[] dims = [.. op.Conv.Windows(x, w).Select(a => new WindowDim(a.Input, a.Output, a.Kernel, a.Stride, a.Dilation, a.PadBegin, a.PadEnd))];
        return dims.Length > 2 ? null : new(x.Int(0), x.Int(1), w.Int(0), op.Conv.Group, new(WindowDim.One, dims.Length == 2 ? dims[0] : WindowDim.One, dims[^1]));
    }

    /// <summary>The ways that take the shape; the last along <paramref name="tree"/> where one is given.</summary>
    public static IReadOnlyList<SignExecution> Of(ConvShape s, Binary signs, BinaryTree? tree, bool toBits, Workers workers)
    {
        List<SignExecution> all = [];
        if (ConvBinary.Supports(s)) all.Add(new(Packed, $"conv-binary {GemmBinary.Table.Tier}", Words(s, signs, toBits, workers)));
        if (!SlicedWindow.Supports(s)) return all;
        var window = new SlicedWindow(s, SlicedWindow.IsAligned(s));
        all.Add(new(Shared, $"conv-binary-fr {ConvBinaryFr.Table.Tier}", Planes(window, SlicedExecution.Fr, SlicedProgram.PackFr(signs, s.Window.Taps), toBits, workers)));
        if (tree is not null) all.Add(new(Tree, $"conv-binary-mst {ConvBinaryMst.Table.Tier}", Planes(window, SlicedExecution.Mst, SlicedProgram.PackMst(tree, s.Window.Taps), toBits, workers)));
        return all;
    }

    private static Tensor Random(DType type, long count)
    {
        var t = Tensor.Allocate(type, new Shape(count));
        new Random(1).NextBytes(t.Bytes);
        return t;
    }

    // Words of pixels, zero behind the last channel.
    private static Tensor Inputs(in ConvShape s)
    {
        int words = ConvBinary.WordsOf(s.Channels);
        var x = Random(DType.U64, Checked.Mul(Checked.Mul(s.Batch, s.Window.Inputs), words));
        var w = x.Span<ulong>();
        for (int i = words - 1; s.Channels % 64 != 0 && i < w.Length; i += words) w[i] &= (1ul << s.Channels % 64) - 1;
        return x;
    }

    private static Action Words(ConvShape s, Binary signs, bool toBits, Workers workers)
    {
        var conv = new ConvBinary(s);
        int padded = SignStore.Padded(s.OutChannels), words = ConvBinary.WordsOf(s.OutChannels), plane = s.Window.Outputs;
        Tensor x = Inputs(s), packed = Tensor.Allocate(DType.U8, new Shape(conv.PackedBytes)), work = Tensor.Allocate(DType.U8, new Shape(conv.WorkBytes));
        conv.Pack(signs.Words.Span<ulong>(), packed.Bytes);
        GC.KeepAlive(signs);
        if (toBits)
        {
            Tensor terms = Tensor.Allocate(DType.I32, new Shape(2, padded)), bits = Tensor.Allocate(DType.U64, new Shape(s.Batch, plane, words));
            SignStore.Terms(new int[s.OutChannels], new bool[s.OutChannels], terms.Span<int>());
            return () => conv.Run(workers, (ulong*)x.Pointer, packed.Pointer, work.Pointer, new SignStore((ulong*)bits.Pointer, words, (int*)terms.Pointer, padded));
        }
        var (factors, y, places) = Results(s);
        return () => conv.Run(workers, (ulong*)x.Pointer, packed.Pointer, work.Pointer, new AffineStore((float*)y.Pointer, places, (float*)factors.Pointer, (float*)factors.Pointer, null, float.NegativeInfinity));
    }

    private static Action Planes(SlicedWindow window, SlicedExecution execution, Tensor packed, bool toBits, Workers workers)
    {
        var (s, conv) = (window.Shape, new ConvBinarySliced(window, execution, packed));
        Tensor x = window.FromPlanes ? Random(DType.U8, BitPlanes.Bytes(window.Pixels, s.Channels)) : Inputs(s);
        if (toBits)
        {
            Tensor thresholds = SlicedThresholds.Pack(window, conv.Program, new int[s.OutChannels], new bool[s.OutChannels]), bits = Tensor.Allocate(DType.U8, new Shape(BitPlanes.Bytes(window.Pixels, s.OutChannels)));
            return () => conv.ToPlanes(workers, x.Pointer, (uint*)thresholds.Pointer, bits.Pointer);
        }
        var (factors, y, places) = Results(s);
        return () => conv.ToF32(workers, x.Pointer, new AffineStore((float*)y.Pointer, places, (float*)factors.Pointer, (float*)factors.Pointer, null, float.NegativeInfinity));
    }

    // Scales and biases, and where f32 goes.
    private static (Tensor Factors, Tensor Y, FloatPlaces Places) Results(in ConvShape s)
    {
        var factors = Tensor.Allocate(DType.F32, new Shape(SignStore.Padded(s.OutChannels)));
        factors.Span<float>().Fill(0.5f);
        return (factors, Tensor.Allocate(DType.F32, new Shape(s.Batch, s.OutChannels, s.Window.Outputs)), FloatPlaces.Planes(s.OutChannels, s.Window.Outputs));
    }
}
