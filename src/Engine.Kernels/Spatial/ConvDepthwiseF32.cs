using System.Numerics;

namespace Engine.Kernels;

/// <summary>Convolution of one input channel a group in f32 on plain tensors: row by row, tap by tap.</summary>
public static unsafe class ConvDepthwiseF32
{
    /// <summary>y[r, i] += f · x[r, i · stride].</summary>
    public delegate void RowFn(float f, float* x, int stride, float* y, int count);

    /// <summary>Best first.</summary>
    public static KernelTable<RowFn> Table { get; } = new("conv-depthwise-f32",
        new("vector", Vector.IsHardwareAccelerated, RowVector),
        new("scalar", true, RowScalar));

    /// <summary>Runs the convolution; <paramref name="bias"/> may be null.</summary>
    public static void Run(Workers workers, in ConvShape s, float* x, float* w, float* bias, float* y, in StoreEpilogue epilogue)
    {
        double work = (double)s.Window.W.Output * s.Window.Taps;
        workers.For(s.Window.RowsOf((long)s.Batch * s.OutChannels), (int)Math.Clamp(32768 / Math.Max(1, work), 1, 1 << 20), new Body(s, x, w, bias, y, epilogue));
    }

    private static void RowScalar(float f, float* x, int stride, float* y, int count)
    {
        for (int i = 0; i < count; i++) y[i] += f * x[(nint)i * stride];
    }

    private static void RowVector(float f, float* x, int stride, float* y, int count)
    {
        int i = 0;
        if (stride == 1)
        {
            var v = new Vector<float>(f);
            for (; i <= count - Vector<float>.Count; i += Vector<float>.Count) (Vector.Load(y + i) + v * Vector.Load(x + i)).Store(y + i);
        }
        for (; i < count; i++) y[i] += f * x[(nint)i * stride];
    }

    private readonly struct Body(ConvShape s, float* x, float* w, float* bias, float* y, StoreEpilogue epilogue) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var (d, h, v) = (s.Window.D, s.Window.H, s.Window.W);
            var row = Table.Best;
            int inputs = s.Window.Inputs, taps = s.Window.Taps;
            for (int line = start; line < end; line++)
            {
                s.Window.Locate(line, out int plane, out int od, out int oh);
                int n = plane / s.OutChannels, m = plane % s.OutChannels;
                float* image = x + ((nint)n * s.Channels + m / s.GroupOutChannels) * inputs;
                nint offset = (nint)line * v.Output;
                d.Taps(od, out int d0, out int d1);
                h.Taps(oh, out int h0, out int h1);
                float* to = y + offset;
                new Span<float>(to, v.Output).Fill(bias is null ? 0 : bias[m]);
                for (int kd = d0; kd < d1; kd++)
                    for (int kh = h0; kh < h1; kh++)
                    {
                        float* from = image + (((nint)d.Start(od) + kd * d.Dilation) * h.Input + h.Start(oh) + kh * h.Dilation) * v.Input;
                        float* f = w + (nint)m * taps + ((nint)kd * h.Kernel + kh) * v.Kernel;
                        for (int kw = 0; kw < v.Kernel; kw++)
                        {
                            v.Outputs(kw, out int first, out int last);
                            if (first < last) row(f[kw], from + ((nint)first * v.Stride - v.Pad + (nint)kw * v.Dilation), v.Stride, to + first, last - first);
                        }
                    }
                if (epilogue.Count > 0) epilogue.Apply(offset, new Span<float>(to, v.Output));
            }
        }
    }
}
