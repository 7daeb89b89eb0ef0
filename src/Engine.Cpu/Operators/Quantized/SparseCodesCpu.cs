using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Products of wires with a grid by sparse 8-bit weights whose zeros lie anywhere, or in blocks: the same sums as with dense codes, without the zeros.</summary>
internal static unsafe class SparseCodesCpu
{
    public static IEnumerable<Candidate> Products(SparseMatrix m, MatMulGeometry g, WireQuantization grid, NodeTypes n) => g.BRow != 1 || g.BColumn != g.K ? [] :
        SparseCodeKernel.Of(m).Where(k => k.IsSparse).Select(k => new Candidate(k.Stem, b => Bind(k, g, grid, b))
        {
            Accepts = [QuantizedEncoding.Of(grid)],
            Produces = n.OutGrid(0) is { } y ? QuantizedEncoding.Of(y) : Encoding.Plain,
            FusesEpilogue = true,
            Structure = k.Stem,
            Nanoseconds = k.Nanoseconds(g.M) + n.In(0).Elements / Rates.BytesPerNanosecond,
        });

    /// <summary>Convolutions of 1 × 1 on codes that lie channels last, whose pixels are rows: by the same kernels.</summary>
    public static IEnumerable<Candidate> Pointwise(SparseMatrix m, ConvShape s, WireQuantization grid, NodeTypes n, bool dyadic)
    {
        var (d, h, w) = (s.Window.D, s.Window.H, s.Window.W);
        if (s.Group != 1 || s.Window.Taps != 1 || (d.Output, h.Output, w.Output) != (d.Input, h.Input, w.Input)) return [];
        int pixels = Checked.Int(Checked.Mul(s.Batch, s.Window.Outputs));
        return SparseCodeKernel.Of(m).Where(k => k.IsSparse).Select(k => new Candidate(k.Stem, b => Bind(k, pixels, s, grid, new ChannelSums(grid, m.Scales(), b, s.OutChannels, dyadic), b))
        {
            Accepts = [ChannelsLastEncoding.Of(grid)],
            Produces = n.OutGrid(0) is { } y ? ChannelsLastEncoding.Of(y) : Encoding.Plain,
            FusesEpilogue = true,
            Structure = k.Stem,
            // Sums leave through memory, where those of dense codes stay in the cache.
            Nanoseconds = k.Nanoseconds(pixels) + StoredSum * n.Out(0).Elements + n.In(0).Elements / Rates.BytesPerNanosecond,
        });
    }

    private const double StoredSum = 0.45;

    private static StepFn Bind(SparseCodeKernel kernel, int pixels, ConvShape s, WireQuantization grid, ChannelSums sums, BindContext b)
    {
        var (packed, biases) = (kernel.Pack(b, 1, b.Weight(1)!), Tensor.From(new Shape(s.OutChannels), sums.Biases));
        int stride = ChannelsLast.Padded(s.Channels), padded = ChannelsLast.Padded(s.OutChannels), zero = grid.Zero + ChannelSums.Flip(grid), plane = s.Window.Outputs;
        long bytes = kernel.WorkBytes(pixels);
        int work = bytes == 0 ? -1 : b.Work(bytes);
        void Run<TStore>(in StepContext c, TStore store) where TStore : struct, ISumStore =>
            kernel.Run(c.Workers, pixels, new GemmU8S8.Rows(c.InPointer(0), false, zero, stride, 1), packed.Pointer, work < 0 ? null : c.WorkPointer(work), new PixelStore<TStore>((int*)biases.Pointer, store));
        return sums.ToCodes ? (in StepContext c) => Run(c, sums.Codes(c.OutPointer(0), padded)) : (in StepContext c) => Run(c, sums.Planes((float*)c.OutPointer(0), s.OutChannels, plane));
    }

    /// <summary>A tile of a product of pixels as the sums of a convolution: biases are added, then the convolution's store has it.</summary>
    private readonly struct PixelStore<TStore>(int* biases, TStore store) : ITileStore where TStore : struct, ISumStore
    {
        public void Store(int* tile, nint tileStride, int row, int channel, int rows, int column, int columns)
        {
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++) tile[i * tileStride + j] += biases[column + j];
            store.Store(tile, tileStride, row, rows, column, columns);
        }
    }

    private static StepFn Bind(SparseCodeKernel kernel, MatMulGeometry g, WireQuantization grid, BindContext b)
    {
        var (packed, scales) = (kernel.Pack(b, 1, b.Weight(1)!), new GridScales(grid, kernel.Matrix.Scales(), b, g.N));
        long bytes = kernel.WorkBytes(g.M);
        int work = bytes == 0 ? -1 : b.Work(bytes);
        return scales.Output is null
            ? (in StepContext c) => kernel.Run(c.Workers, g.M, Rows(c, g, grid), packed.Pointer, work < 0 ? null : c.WorkPointer(work), scales.Float(c, g.N, byRow: false))
            : (in StepContext c) => kernel.Run(c.Workers, g.M, Rows(c, g, grid), packed.Pointer, work < 0 ? null : c.WorkPointer(work), scales.Codes(c, g.N, byRow: false));
    }

    private static GemmU8S8.Rows Rows(in StepContext c, MatMulGeometry g, WireQuantization grid) => new(c.InPointer(0), grid.Code == DType.I8, grid.Zero, (nint)g.ARow, (nint)g.AColumn);
}
