using System.Numerics;

namespace Engine.Kernels;

/// <summary>Convolution by its definition, summed in double: ground truth for the faster ones, and the kernel of f64.</summary>
public static unsafe class ConvReference
{
    /// <summary>y[n, m] = bias[m] + Σ w[m, c, tap] · x[n, c, pixel(tap)]; <paramref name="bias"/> may be null.</summary>
    public static void Run<T>(Workers workers, in ConvShape s, T* x, T* w, T* bias, T* y) where T : unmanaged, INumber<T> =>
        workers.For(s.Window.RowsOf((long)s.Batch * s.OutChannels), (int)Math.Clamp(4096.0 / Math.Max(1, (double)s.Window.W.Output * s.GroupChannels * s.Window.Taps), 1, 1 << 20), new Body<T>(s, x, w, bias, y));

    private readonly struct Body<T>(ConvShape s, T* x, T* w, T* bias, T* y) : IParallelBody where T : unmanaged, INumber<T>
    {
        public void Run(int start, int end)
        {
            var (d, h, v) = (s.Window.D, s.Window.H, s.Window.W);
            int inputs = s.Window.Inputs, taps = s.Window.Taps, channels = s.GroupChannels;
            for (int line = start; line < end; line++)
            {
                s.Window.Locate(line, out int plane, out int od, out int oh);
                int n = plane / s.OutChannels, m = plane % s.OutChannels;
                T* image = x + ((nint)n * s.Channels + m / s.GroupOutChannels * channels) * inputs, filter = w + (nint)m * channels * taps, to = y + (nint)line * v.Output;
                double b = bias is null ? 0 : double.CreateTruncating(bias[m]);
                d.Taps(od, out int d0, out int d1);
                h.Taps(oh, out int h0, out int h1);
                for (int ow = 0; ow < v.Output; ow++)
                {
                    v.Taps(ow, out int w0, out int w1);
                    double sum = b;
                    for (int c = 0; c < channels; c++)
                        for (int kd = d0; kd < d1; kd++)
                            for (int kh = h0; kh < h1; kh++)
                            {
                                T* row = image + (((nint)c * d.Input + d.Start(od) + kd * d.Dilation) * h.Input + h.Start(oh) + kh * h.Dilation) * v.Input + v.Start(ow);
                                T* f = filter + (((nint)c * d.Kernel + kd) * h.Kernel + kh) * v.Kernel;
                                for (int kw = w0; kw < w1; kw++) sum += double.CreateTruncating(f[kw]) * double.CreateTruncating(row[kw * v.Dilation]);
                            }
                    *to++ = T.CreateTruncating(sum);
                }
            }
        }
    }
}
