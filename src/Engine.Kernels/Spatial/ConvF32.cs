using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Convolution in f32 on plain tensors as a product: weights [M, C · taps] times the columns of the image, which are gathered straight
/// into the packed panels of <see cref="GemmF32"/>, a bounded chunk of pixels at a time.
/// </summary>
public static unsafe class ConvF32
{
    // A chunk of columns stays within a second-level cache, and is never less than a panel a thread or so.
    private const int ChunkFloats = 192 * 1024, LeastPanels = 2;

    /// <summary>Floats of workspace.</summary>
    public static long WorkFloats(in ConvShape s) => GemmF32.PackedLength(Depth(s), ChunkColumns(s));

    /// <summary>Runs the convolution; <paramref name="bias"/> may be null.</summary>
    public static void Run(Workers workers, in ConvShape s, float* x, float* w, float* bias, float* y, float* work, in StoreEpilogue epilogue)
    {
        int outputs = s.Window.Outputs, inputs = s.Window.Inputs, depth = Depth(s), chunk = ChunkColumns(s), rows = s.GroupOutChannels;
        if (outputs == 0) return;
        bool pointwise = s.Window.IsPointwise;
        for (int n = 0; n < s.Batch; n++)
            for (int g = 0; g < s.Group; g++)
            {
                float* image = x + ((nint)n * s.Channels + (nint)g * s.GroupChannels) * inputs;
                nint target = ((nint)n * s.OutChannels + (nint)g * rows) * outputs;
                for (int start = 0; start < outputs; start += chunk)
                {
                    int columns = Math.Min(chunk, outputs - start);
                    if (pointwise) GemmF32.Pack(workers, depth, columns, image + start, inputs, 1, work);
                    else workers.For((columns + GemmF32.PanelColumns - 1) / GemmF32.PanelColumns, Math.Max(1, 16384 / (GemmF32.PanelColumns * Math.Max(1, depth))), new Gather(s, image, start, columns, work));
                    GemmF32.Run(workers, rows, columns, depth, w + (nint)g * rows * depth, depth, 1, work, y + target + start, outputs,
                        new Epilogue(bias is null ? null : bias + (nint)g * rows, epilogue, target + start, outputs));
                }
            }
    }

    private static int Depth(in ConvShape s) => Tensors.Checked.Int((long)s.GroupChannels * s.Window.Taps);

    private static int ChunkColumns(in ConvShape s)
    {
        int panels = Math.Max(LeastPanels, ChunkFloats / (GemmF32.PanelColumns * Math.Max(1, Depth(s))));
        return (int)Math.Min(Math.Max(1, s.Window.Outputs), (long)panels * GemmF32.PanelColumns);
    }

    private readonly struct Epilogue(float* bias, StoreEpilogue steps, nint offset, nint rowStride) : IGemmEpilogue
    {
        public bool IsEmpty => bias is null && steps.Count == 0;

        public void Apply(int row, int column, Span<float> values)
        {
            if (bias is not null) BinaryLoop.Simd(default(AddOp), values, bias[row], values);
            if (steps.Count > 0) steps.Apply(offset + row * rowStride + column, values);
        }
    }

    /// <summary>Fills panels: row k = (c, kd, kh, kw) of a panel holds that tap of 48 consecutive output pixels.</summary>
    private readonly struct Gather(ConvShape s, float* image, int start, int columns, float* packed) : IParallelBody
    {
        public void Run(int first, int end)
        {
            int depth = Depth(s);
            for (int p = first; p < end; p++)
            {
                int column = p * GemmF32.PanelColumns, width = GemmF32.PanelWidth(columns, column), used = Math.Min(width, columns - column);
                float* panel = packed + (nint)column * depth;
                int pixel = start + column;
                for (int done = 0; done < used;)
                {
                    // One run of output pixels in one output row.
                    int ow = (pixel + done) % s.Window.W.Output, row = (pixel + done) / s.Window.W.Output, length = Math.Min(used - done, s.Window.W.Output - ow);
                    Run(panel + done, width, row / s.Window.H.Output, row % s.Window.H.Output, ow, length);
                    done += length;
                }
                if (used < width)
                    for (int k = 0; k < depth; k++) new Span<float>(panel + (nint)k * width + used, width - used).Clear();
            }
        }

        private void Run(float* to, int width, int od, int oh, int ow, int length)
        {
            var (d, h, v) = (s.Window.D, s.Window.H, s.Window.W);
            for (int c = 0; c < s.GroupChannels; c++)
                for (int kd = 0; kd < d.Kernel; kd++)
                {
                    long z = (long)d.Start(od) + (long)kd * d.Dilation;
                    for (int kh = 0; kh < h.Kernel; kh++)
                    {
                        long r = (long)h.Start(oh) + (long)kh * h.Dilation;
                        bool inside = z >= 0 && z < d.Input && r >= 0 && r < h.Input;
                        float* row = inside ? image + (((nint)c * d.Input + (nint)z) * h.Input + (nint)r) * v.Input : null;
                        for (int kw = 0; kw < v.Kernel; kw++, to += width)
                        {
                            int w0 = 0, w1 = 0;
                            if (inside)
                            {
                                v.Outputs(kw, out w0, out w1);
                                w0 = Math.Clamp(w0 - ow, 0, length);
                                w1 = Math.Clamp(w1 - ow, w0, length);
                            }
                            for (int i = 0; i < w0; i++) to[i] = 0;
                            if (w0 < w1)
                            {
                                float* from = row + ((nint)(ow + w0) * v.Stride - v.Pad + (nint)kw * v.Dilation);
                                if (v.Stride == 1) Unsafe.CopyBlockUnaligned(to + w0, from, (uint)(w1 - w0) * sizeof(float));
                                else for (int i = w0; i < w1; i++, from += v.Stride) to[i] = *from;
                            }
                            for (int i = w1; i < length; i++) to[i] = 0;
                        }
                    }
                }
        }
    }
}
