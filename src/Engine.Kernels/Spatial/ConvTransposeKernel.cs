using System.Numerics;

namespace Engine.Kernels;

/// <summary>
/// Transposed convolution: the window describes the forward convolution from y to x. Every output is gathered from the inputs that
/// reach it, so outputs are independent.
/// </summary>
public static unsafe class ConvTransposeKernel
{
    /// <summary>x [N, C, window outputs], w [C, M / group, taps], y [N, M, window inputs]; <paramref name="bias"/> may be null.</summary>
    public static void Run<T>(Workers workers, in ConvShape s, T* x, T* w, T* bias, T* y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        workers.For(Tensors.Checked.Int((long)s.Batch * s.OutChannels), 1, new Body<T>(s, x, w, bias, y, workers.Cancellation));

    private readonly struct Body<T>(ConvShape s, T* x, T* w, T* bias, T* y, CancellationToken cancellation) : IParallelBody where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run(int start, int end)
        {
            var (d, h, v) = (s.Window.D, s.Window.H, s.Window.W);
            int small = s.Window.Outputs, large = s.Window.Inputs, taps = s.Window.Taps, channels = s.GroupChannels, outs = s.GroupOutChannels;
            for (int plane = start; plane < end; plane++)
            {
                int n = plane / s.OutChannels, m = plane % s.OutChannels, g = m / outs;
                T* to = y + (nint)plane * large;
                new Span<T>(to, large).Fill(bias is null ? T.Zero : bias[m]);
                for (int c = g * channels; c < (g + 1) * channels; c++)
                {
                    T* image = x + ((nint)n * s.Channels + c) * small, filter = w + ((nint)c * outs + m % outs) * taps;
                    for (int kd = 0; kd < d.Kernel; kd++)
                    {
                        d.Outputs(kd, out int d0, out int d1);
                        for (int kh = 0; kh < h.Kernel; kh++)
                        {
                            cancellation.ThrowIfCancellationRequested();
                            h.Outputs(kh, out int h0, out int h1);
                            for (int kw = 0; kw < v.Kernel; kw++)
                            {
                                v.Outputs(kw, out int w0, out int w1);
                                if (w0 >= w1) continue;
                                T f = filter[((nint)kd * h.Kernel + kh) * v.Kernel + kw];
                                for (int id = d0; id < d1; id++)
                                    for (int ih = h0; ih < h1; ih++)
                                    {
                                        T* from = image + ((nint)id * h.Output + ih) * v.Output + w0;
                                        T* row = to + (((nint)d.Start(id) + kd * d.Dilation) * h.Input + h.Start(ih) + kh * h.Dilation) * v.Input + ((nint)w0 * v.Stride - v.Pad + (nint)kw * v.Dilation);
                                        AddScaled(f, from, row, v.Stride, w1 - w0);
                                    }
                            }
                        }
                    }
                }
            }
        }

        private static void AddScaled(T f, T* from, T* to, int stride, int count)
        {
            int i = 0;
            if (stride == 1)
            {
                var v = new Vector<T>(f);
                for (; i <= count - Vector<T>.Count; i += Vector<T>.Count) (Vector.Load(to + i) + v * Vector.Load(from + i)).Store(to + i);
            }
            for (; i < count; i++) to[(nint)i * stride] += f * from[i];
        }
    }
}
