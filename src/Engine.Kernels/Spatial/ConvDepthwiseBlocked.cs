using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// Convolution of one input channel a group in f32, inputs and outputs blocked by 16 channels. Weights are packed
/// [block][row][column][16 channels]. Up to two spatial axes.
/// </summary>
public static unsafe class ConvDepthwiseBlocked
{
    private const int Block = ConvBlocked.Block;

    /// <summary>A run of output pixels whose taps all lie inside the row: y[p] = bias + Σ w · x[p · Step + tap].</summary>
    public struct Row
    {
        /// <summary>The first pixel's first tap, and the first weight; 16 floats each.</summary>
        public float* X, W;

        /// <summary>Floats between the inputs of two pixels, of two rows and of two columns of taps; between two rows of weights.</summary>
        public nint Step, RowStep, ColumnStep, WeightRowStep;

        /// <summary>Rows and columns of taps.</summary>
        public int Rows, Columns;

        /// <summary>16 values, or null.</summary>
        public float* Bias;

        /// <summary>16 floats a pixel.</summary>
        public float* Y;

        /// <summary>Output pixels.</summary>
        public int Pixels;
    }

    /// <summary>Computes a row.</summary>
    public delegate void RowFn(in Row t);

    /// <summary>Best first; four pixels at once hide the latency of a multiply-add.</summary>
    public static KernelTable<RowFn> Table { get; } = new("conv-depthwise-blocked",
        new("avx512", Avx512F.IsSupported, RowAvx512),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, RowVector256),
        new("vector", Vector128.IsHardwareAccelerated, RowVector128),
        new("scalar", true, RowScalar));

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
        public void Run(int start, int end)
        {
            WindowDim h = s.Window.H, w = s.Window.W;
            // Outputs [inner, outer) have all their columns of taps inside the row.
            w.Outputs(0, out int inner, out _);
            w.Outputs(w.Kernel - 1, out _, out int outer);
            if (inner >= outer) inner = outer = w.Output;
            for (int i = start; i < end; i++)
            {
                int plane = i / h.Output, oh = i % h.Output, block = plane % blocks;
                h.Taps(oh, out int h0, out int h1);
                float* image = x + ((nint)plane * h.Input + h.Start(oh) + h0 * h.Dilation) * w.Input * Block, f = packed + (nint)block * s.Window.Taps * Block + (nint)h0 * w.Kernel * Block;
                nint at = (nint)i * w.Output * Block;
                var t = new Row
                {
                    Step = (nint)w.Stride * Block,
                    RowStep = (nint)h.Dilation * w.Input * Block,
                    ColumnStep = (nint)w.Dilation * Block,
                    WeightRowStep = (nint)w.Kernel * Block,
                    Rows = h1 - h0,
                    Bias = bias is null ? null : bias + block * Block,
                };
                for (int ow = 0; ow < w.Output; ow += t.Pixels)
                {
                    w.Taps(ow, out int w0, out int w1);
                    t.Pixels = ow == inner && inner < outer ? outer - inner : 1;
                    t.X = image + ((nint)w.Start(ow) + (nint)w0 * w.Dilation) * Block;
                    t.W = f + w0 * Block;
                    t.Columns = w1 - w0;
                    t.Y = y + at + (nint)ow * Block;
                    row(t);
                }
                if (epilogue.Count > 0) epilogue.Apply(at, new Span<float>(y + at, w.Output * Block));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowAvx512(in Row t)
    {
        var start = t.Bias is null ? Vector512<float>.Zero : Vector512.Load(t.Bias);
        int p = 0;
        for (; p <= t.Pixels - 4; p += 4)
        {
            Vector512<float> a = start, b = start, c = start, d = start;
            for (int r = 0; r < t.Rows; r++)
            {
                float* w = t.W + r * t.WeightRowStep, x = t.X + p * t.Step + r * t.RowStep;
                for (int k = 0; k < t.Columns; k++, w += Block, x += t.ColumnStep)
                {
                    var f = Vector512.Load(w);
                    a = Vector512.FusedMultiplyAdd(f, Vector512.Load(x), a);
                    b = Vector512.FusedMultiplyAdd(f, Vector512.Load(x + t.Step), b);
                    c = Vector512.FusedMultiplyAdd(f, Vector512.Load(x + 2 * t.Step), c);
                    d = Vector512.FusedMultiplyAdd(f, Vector512.Load(x + 3 * t.Step), d);
                }
            }
            float* y = t.Y + (nint)p * Block;
            a.Store(y);
            b.Store(y + Block);
            c.Store(y + 2 * Block);
            d.Store(y + 3 * Block);
        }
        for (; p < t.Pixels; p++)
        {
            var a = start;
            for (int r = 0; r < t.Rows; r++)
            {
                float* w = t.W + r * t.WeightRowStep, x = t.X + p * t.Step + r * t.RowStep;
                for (int k = 0; k < t.Columns; k++, w += Block, x += t.ColumnStep) a = Vector512.FusedMultiplyAdd(Vector512.Load(w), Vector512.Load(x), a);
            }
            a.Store(t.Y + (nint)p * Block);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowVector256(in Row t)
    {
        for (int p = 0; p < t.Pixels; p++)
        {
            Vector256<float> a = default, b = default;
            if (t.Bias != null) (a, b) = (Vector256.Load(t.Bias), Vector256.Load(t.Bias + 8));
            for (int r = 0; r < t.Rows; r++)
            {
                float* w = t.W + r * t.WeightRowStep, x = t.X + p * t.Step + r * t.RowStep;
                for (int k = 0; k < t.Columns; k++, w += Block, x += t.ColumnStep)
                {
                    a = Vector256.MultiplyAddEstimate(Vector256.Load(w), Vector256.Load(x), a);
                    b = Vector256.MultiplyAddEstimate(Vector256.Load(w + 8), Vector256.Load(x + 8), b);
                }
            }
            a.Store(t.Y + (nint)p * Block);
            b.Store(t.Y + (nint)p * Block + 8);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowVector128(in Row t)
    {
        for (int p = 0; p < t.Pixels; p++)
            for (int l = 0; l < Block; l += 8)
            {
                Vector128<float> a = default, b = default;
                if (t.Bias != null) (a, b) = (Vector128.Load(t.Bias + l), Vector128.Load(t.Bias + l + 4));
                for (int r = 0; r < t.Rows; r++)
                {
                    float* w = t.W + r * t.WeightRowStep + l, x = t.X + p * t.Step + r * t.RowStep + l;
                    for (int k = 0; k < t.Columns; k++, w += Block, x += t.ColumnStep)
                    {
                        a = Vector128.MultiplyAddEstimate(Vector128.Load(w), Vector128.Load(x), a);
                        b = Vector128.MultiplyAddEstimate(Vector128.Load(w + 4), Vector128.Load(x + 4), b);
                    }
                }
                a.Store(t.Y + (nint)p * Block + l);
                b.Store(t.Y + (nint)p * Block + l + 4);
            }
    }

    private static void RowScalar(in Row t)
    {
        for (int p = 0; p < t.Pixels; p++)
            for (int l = 0; l < Block; l++)
            {
                double sum = t.Bias is null ? 0 : t.Bias[l];
                for (int r = 0; r < t.Rows; r++)
                    for (int k = 0; k < t.Columns; k++) sum += (double)t.W[r * t.WeightRowStep + k * Block + l] * t.X[p * t.Step + r * t.RowStep + k * t.ColumnStep + l];
                t.Y[(nint)p * Block + l] = (float)sum;
            }
    }
}
