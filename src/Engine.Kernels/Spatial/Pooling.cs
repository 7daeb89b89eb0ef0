using System.Numerics;

namespace Engine.Kernels;

/// <summary>What a pool makes of the values in a window; a struct, so that the loop specializes.</summary>
public interface IPool<T> where T : unmanaged
{
    /// <summary>The state before the first value.</summary>
    double Start { get; }

    /// <summary>Takes in a value.</summary>
    double Add(double state, T value);

    /// <summary>The result; <paramref name="taps"/> values were inside the input, <paramref name="padded"/> inside the padding too.</summary>
    T End(double state, int taps, int padded);
}

/// <summary>The mean, over the values inside or over the padded window.</summary>
public readonly struct AveragePooling<T>(bool countPad) : IPool<T> where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public double Start => 0;

    /// <inheritdoc/>
    public double Add(double state, T value) => state + double.CreateTruncating(value);

    /// <inheritdoc/>
    public T End(double state, int taps, int padded) => T.CreateTruncating(state / Math.Max(1, countPad ? padded : taps));
}

/// <summary>(Σ |x|^p)^(1/p).</summary>
public readonly struct LpPooling<T>(double p) : IPool<T> where T : unmanaged, INumber<T>
{
    /// <inheritdoc/>
    public double Start => 0;

    /// <inheritdoc/>
    public double Add(double state, T value)
    {
        double x = Math.Abs(double.CreateTruncating(value));
        return state + (p == 2 ? x * x : p == 1 ? x : Math.Pow(x, p));
    }

    /// <inheritdoc/>
    public T End(double state, int taps, int padded) => T.CreateTruncating(p == 2 ? Math.Sqrt(state) : p == 1 ? state : Math.Pow(state, 1 / p));
}

/// <summary>Pools over windows of plain tensors.</summary>
public static unsafe class Pooling
{
    /// <summary>One result a window; <paramref name="planes"/> is batch times channels.</summary>
    public static void Run<T, TPool>(Workers workers, int planes, in Window3 window, T* x, T* y, TPool pool) where T : unmanaged where TPool : struct, IPool<T> =>
        workers.For(window.RowsOf(planes), Grain(window), new Body<T, TPool>(window, x, y, pool));

    /// <summary>Maxima, and their flat indices unless <paramref name="indices"/> is null. A NaN in a window is its maximum.</summary>
    public static void Max<T>(Workers workers, int planes, in Window3 window, T* x, T* y, long* indices, bool columnMajor) where T : unmanaged, INumber<T> =>
        workers.For(window.RowsOf(planes), Grain(window), new MaxBody<T>(window, x, y, indices, columnMajor));

    private static int Grain(in Window3 w) => (int)Math.Clamp(16384 / Math.Max(1.0, (double)w.W.Output * w.Taps), 1, 1 << 20);

    private readonly struct Body<T, TPool>(Window3 window, T* x, T* y, TPool pool) : IParallelBody where T : unmanaged where TPool : struct, IPool<T>
    {
        public void Run(int start, int end)
        {
            var (d, h, v) = (window.D, window.H, window.W);
            int inputs = window.Inputs;
            for (int line = start; line < end; line++)
            {
                window.Locate(line, out int plane, out int od, out int oh);
                T* image = x + (nint)plane * inputs, to = y + (nint)line * v.Output;
                d.Taps(od, out int d0, out int d1);
                h.Taps(oh, out int h0, out int h1);
                int padded = d.PaddedTaps(od) * h.PaddedTaps(oh);
                for (int ow = 0; ow < v.Output; ow++)
                {
                    v.Taps(ow, out int w0, out int w1);
                    double state = pool.Start;
                    for (int kd = d0; kd < d1; kd++)
                        for (int kh = h0; kh < h1; kh++)
                        {
                            T* row = image + (((nint)d.Start(od) + kd * d.Dilation) * h.Input + h.Start(oh) + kh * h.Dilation) * v.Input + v.Start(ow);
                            for (int kw = w0; kw < w1; kw++) state = pool.Add(state, row[kw * v.Dilation]);
                        }
                    *to++ = pool.End(state, (d1 - d0) * (h1 - h0) * (w1 - w0), padded * v.PaddedTaps(ow));
                }
            }
        }
    }

    private readonly struct MaxBody<T>(Window3 window, T* x, T* y, long* indices, bool columnMajor) : IParallelBody where T : unmanaged, INumber<T>
    {
        public void Run(int start, int end)
        {
            var (d, h, v) = (window.D, window.H, window.W);
            int inputs = window.Inputs;
            T lowest = T.CreateSaturating(double.NegativeInfinity);
            for (int line = start; line < end; line++)
            {
                window.Locate(line, out int plane, out int od, out int oh);
                T* image = x + (nint)plane * inputs;
                nint at = (nint)line * v.Output;
                d.Taps(od, out int d0, out int d1);
                h.Taps(oh, out int h0, out int h1);
                for (int ow = 0; ow < v.Output; ow++, at++)
                {
                    v.Taps(ow, out int w0, out int w1);
                    T best = lowest;
                    int bestD = -1, bestH = 0, bestW = 0;
                    for (int kd = d0; kd < d1; kd++)
                        for (int kh = h0; kh < h1; kh++)
                        {
                            int z = d.Start(od) + kd * d.Dilation, r = h.Start(oh) + kh * h.Dilation;
                            T* row = image + ((nint)z * h.Input + r) * v.Input;
                            for (int kw = w0; kw < w1; kw++)
                            {
                                int c = v.Start(ow) + kw * v.Dilation;
                                T value = row[c];
                                if (bestD >= 0 && !(value > best) && !(T.IsNaN(value) && !T.IsNaN(best))) continue;
                                best = value;
                                (bestD, bestH, bestW) = (z, r, c);
                            }
                        }
                    y[at] = best;
                    if (indices is null) continue;
                    long inPlane = bestD < 0 ? 0 : columnMajor ? ((long)bestW * h.Input + bestH) * d.Input + bestD : ((long)bestD * h.Input + bestH) * v.Input + bestW;
                    indices[at] = (long)plane * inputs + inPlane;
                }
            }
        }
    }
}
