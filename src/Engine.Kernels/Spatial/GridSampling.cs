using System.Numerics;

namespace Engine.Kernels;

/// <summary>Kind of interpolation between pixels.</summary>
public enum SampleMode
{
    /// <summary>The nearest pixel, ties to even.</summary>
    Nearest,
    /// <summary>Linear in each axis.</summary>
    Linear,
    /// <summary>Cubic convolution (a = −0.75) in each axis.</summary>
    Cubic,
}

/// <summary>What lies outside of the image.</summary>
public enum SamplePadding
{
    /// <summary>Zeros.</summary>
    Zeros,
    /// <summary>The nearest pixel.</summary>
    Border,
    /// <summary>The mirrored image.</summary>
    Reflection,
}

/// <summary>Images read at arbitrary positions.</summary>
public static unsafe class GridSampling
{
    private const double CubicA = -0.75;
    private const int MaxTaps = 4;

    /// <summary>Sizes of a sampling: images [batch, channels, D, H, W] (1 for axes not there), <paramref name="Points"/> samples an image.</summary>
    public readonly record struct Spec(int Batch, int Channels, int Axes, int D, int H, int W, int Points, SampleMode Mode, SamplePadding Padding, bool AlignCorners);

    /// <summary>y [batch, channels, points] = x read at grid [batch, points, axes], innermost axis first.</summary>
    public static void Run<T>(Workers workers, in Spec s, T* x, T* grid, T* y) where T : unmanaged, INumber<T> =>
        workers.For(Tensors.Checked.Int((long)s.Batch * s.Points), Math.Max(1, 1024 / Math.Max(1, s.Channels)), new Body<T>(s, x, grid, y));

    private readonly struct Body<T>(Spec s, T* x, T* grid, T* y) : IParallelBody where T : unmanaged, INumber<T>
    {
        public void Run(int start, int end)
        {
            int* id = stackalloc int[3 * MaxTaps];
            double* weight = stackalloc double[3 * MaxTaps];
            int* count = stackalloc int[3];
            nint image = (nint)s.D * s.H * s.W;
            for (int p = start; p < end; p++)
            {
                for (int a = 0; a < 3; a++)
                {
                    // Axis 0 is the innermost; an axis that is not there has one tap.
                    int size = a == 0 ? s.W : a == 1 ? s.H : s.D;
                    if (a < s.Axes) count[a] = Taps(double.CreateTruncating(grid[(nint)p * s.Axes + a]), size, id + a * MaxTaps, weight + a * MaxTaps);
                    else (count[a], id[a * MaxTaps], weight[a * MaxTaps]) = (1, 0, 1);
                }
                int n = p / s.Points, point = p % s.Points;
                for (int c = 0; c < s.Channels; c++)
                {
                    T* from = x + ((nint)n * s.Channels + c) * image;
                    double sum = 0;
                    for (int i = 0; i < count[2]; i++)
                        for (int j = 0; j < count[1]; j++)
                        {
                            T* row = from + ((nint)id[2 * MaxTaps + i] * s.H + id[MaxTaps + j]) * s.W;
                            double f = weight[2 * MaxTaps + i] * weight[MaxTaps + j];
                            for (int k = 0; k < count[0]; k++)
                                if (f * weight[k] is var v and not 0) sum += v * double.CreateTruncating(row[id[k]]);
                        }
                    y[((nint)n * s.Channels + c) * s.Points + point] = T.CreateTruncating(sum);
                }
            }
        }

        /// <summary>Pixels and weights along an axis; a pixel outside has weight 0.</summary>
        private int Taps(double g, int size, int* id, double* weight)
        {
            double at = s.AlignCorners ? (g + 1) / 2 * (size - 1) : ((g + 1) * size - 1) / 2;
            double low = s.AlignCorners ? 0 : -0.5, high = s.AlignCorners ? size - 1 : size - 0.5;
            if (!double.IsFinite(at)) at = s.Padding == SamplePadding.Zeros ? -1e9 : 0;
            if (s.Mode == SampleMode.Nearest) at = Math.Round(at, MidpointRounding.ToEven);
            if (at < low || at > high)
            {
                if (s.Padding == SamplePadding.Border) at = Math.Clamp(at, 0, size - 1);
                else if (s.Padding == SamplePadding.Reflection) at = Reflect(at, low, high);
            }
            at = Math.Clamp(at, -1e9, 1e9);
            if (s.Mode == SampleMode.Nearest)
            {
                Tap((long)Math.Round(at, MidpointRounding.ToEven), 1, size, low, high, id, weight);
                return 1;
            }
            double floor = Math.Floor(at), t = at - floor;
            if (s.Mode == SampleMode.Linear)
            {
                Tap((long)floor, 1 - t, size, low, high, id, weight);
                Tap((long)floor + 1, t, size, low, high, id + 1, weight + 1);
                return 2;
            }
            for (int k = 0; k < 4; k++) Tap((long)floor + k - 1, Cubic.Weight(t - (k - 1), CubicA), size, low, high, id + k, weight + k);
            return 4;
        }

        private void Tap(long pixel, double f, int size, double low, double high, int* id, double* weight)
        {
            if (pixel < 0 || pixel >= size)
            {
                if (s.Padding == SamplePadding.Zeros) f = 0;
                else if (s.Padding == SamplePadding.Reflection) pixel = (long)Reflect(pixel, low, high);
                pixel = Math.Clamp(pixel, 0, size - 1);
            }
            *id = (int)pixel;
            *weight = f;
        }

        private static double Reflect(double v, double low, double high)
        {
            double range = high - low;
            if (range <= 0) return 0;
            if (v >= low && v <= high) return v;
            double over = v < low ? low - v : v - high, times = Math.Floor(over / range), rest = over - times * range;
            bool even = times % 2 == 0;
            return v < low == even ? low + rest : high - rest;
        }
    }
}

/// <summary>The cubic convolution kernel of Keys (1981).</summary>
public static class Cubic
{
    /// <summary>Weight of a pixel at distance <paramref name="x"/>.</summary>
    public static double Weight(double x, double a)
    {
        x = Math.Abs(x);
        return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0;
    }
}
