using System.Numerics;

namespace Engine.Kernels;

/// <summary>Columns summed back into the images that im2col would have read them from.</summary>
public static unsafe class ColumnsToImage
{
    /// <summary>A window over any number of axes.</summary>
    public static void Run<T>(Workers workers, int planes, WindowDim[] window, T* x, T* y) where T : unmanaged, INumber<T>
    {
        int taps = 1, positions = 1, pixels = 1;
        foreach (var w in window) (taps, positions, pixels) = (taps * w.Kernel, positions * w.Output, pixels * w.Input);
        workers.For(planes, 1, new Body<T>(window, taps, positions, pixels, x, y));
    }

    private readonly struct Body<T>(WindowDim[] window, int taps, int positions, int pixels, T* x, T* y) : IParallelBody where T : unmanaged, INumber<T>
    {
        public void Run(int start, int end)
        {
            for (int plane = start; plane < end; plane++)
            {
                T* from = x + (nint)plane * taps * positions, to = y + (nint)plane * pixels;
                new Span<T>(to, pixels).Clear();
                for (int tap = 0; tap < taps; tap++)
                    for (int position = 0; position < positions; position++)
                    {
                        int t = tap, p = position;
                        nint at = 0, stride = 1;
                        bool inside = true;
                        for (int d = window.Length - 1; d >= 0; d--)
                        {
                            var w = window[d];
                            long i = (long)w.Start(p % w.Output) + (long)(t % w.Kernel) * w.Dilation;
                            inside &= i >= 0 && i < w.Input;
                            at += (nint)i * stride;
                            stride *= w.Input;
                            t /= w.Kernel;
                            p /= w.Output;
                        }
                        if (inside) to[at] += from[(nint)tap * positions + position];
                    }
            }
        }
    }
}
