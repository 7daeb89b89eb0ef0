using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Convolution of one input channel a group in f32, inputs and outputs blocked by 16 channels. Weights are packed
/// [block][row][column][16 channels]. Up to two spatial axes.
/// </summary>
public static unsafe partial class ConvDepthwiseBlocked
{
    private const int Block = ConvBlocked.Block;

    /// <summary>True when this kernel computes the shape.</summary>
    public static bool Supports(in ConvShape s) => s.GroupChannels == 1 && s.GroupOutChannels == 1 && s.Window.D.IsPointwise && s.Window.D.Input == 1 && s.OutChannels > 0;

    /// <summary>Floats of the packed weights.</summary>
    public static long PackedLength(in ConvShape s) => Tensors.Checked.Mul(Tensors.Checked.AlignUp(s.OutChannels, Block), s.Window.Taps);

    /// <summary>Packs weights [M, 1, kh, kw].</summary>
    public static void Pack(in ConvShape s, ReadOnlySpan<float> w, Span<float> packed)
    {
        int taps = s.Window.Taps;
        packed.Clear();
        for (int m = 0; m < s.OutChannels; m++)
            for (int t = 0; t < taps; t++) packed[(m / Block * taps + t) * Block + m % Block] = w[m * taps + t];
    }

    /// <summary>Runs the convolution; <paramref name="bias"/> is padded to whole blocks with zeros, or null.</summary>
    public static void Run(RowFn row, Workers workers, in ConvShape s, float* x, float* packed, float* bias, float* y, in StoreEpilogue epilogue)
    {
        int blocks = (s.OutChannels + Block - 1) / Block;
        double work = (double)s.Window.W.Output * s.Window.Taps * Block;
        workers.For(Tensors.Checked.Int((long)s.Batch * blocks * s.Window.H.Output), (int)Math.Clamp(65536 / Math.Max(1, work), 1, 1 << 20), new Body(row, s, blocks, x, packed, bias, y, epilogue));
    }

    private readonly struct Body(RowFn row, ConvShape s, int blocks, float* x, float* packed, float* bias, float* y, StoreEpilogue epilogue) : IParallelBody
    {
        // Rows are short: code that is not optimized yet would take longer than they do.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            WindowDim h = s.Window.H, w = s.Window.W;
            bool simple = epilogue.TryTail(out var tail);
            // Outputs [inner, outer) have all their columns of taps inside the row.
            w.Outputs(0, out int inner, out _);
            w.Outputs(w.Kernel - 1, out _, out int outer);
            if (inner >= outer) inner = outer = w.Output;
            var r = new Row { RowStep = (nint)h.Dilation * w.Input * Block, Window = w, Inner = inner, Outer = outer, Tail = StoreTail.None };
            for (int i = start; i < end;)
            {
                var (plane, oh) = Math.DivRem(i, h.Output);
                int block = plane % blocks;
                r.Bias = bias is null ? null : bias + block * Block;
                for (; oh < h.Output && i < end; oh++, i++)
                {
                    h.Taps(oh, out int h0, out int h1);
                    nint at = (nint)i * w.Output * Block;
                    r.X = x + ((nint)plane * h.Input + h.Start(oh) + h0 * h.Dilation) * w.Input * Block;
                    r.W = packed + ((nint)block * s.Window.Taps + (nint)h0 * w.Kernel) * Block;
                    r.Rows = h1 - h0;
                    r.Y = y + at;
                    if (simple) r.Tail = tail.From(at);
                    row(r);
                    if (!simple) epilogue.Apply(at, new Span<float>(y + at, w.Output * Block));
                }
            }
        }
    }
}
