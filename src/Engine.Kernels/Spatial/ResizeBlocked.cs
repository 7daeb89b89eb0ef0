using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>Resize of height and width in f32 on tensors blocked by 16 channels: rows first, then pixels of a row, whole blocks of lanes at once.</summary>
public static unsafe class ResizeBlocked
{
    private const int Block = ConvBlocked.Block;

    /// <summary>y[p · 16 + l] = Σ weights[p · taps + k] · x[indices[p · taps + k] · 16 + l] over <paramref name="pixels"/> outputs p and lanes l.</summary>
    public delegate void Fn(float* x, int* indices, float* weights, int taps, float* y, int pixels);

    /// <summary>The pass along a row, best first.</summary>
    public static KernelTable<Fn> Table { get; } = new("resize-blocked",
        new("avx512", F32x16.IsSupported, Lanes<F32x16>),
        new("avx2", F32x8.IsSupported, Lanes<F32x8>),
        new("vector", F32x4.IsSupported, Lanes<F32x4>),
        new("scalar", true, Scalar));

    /// <summary>x [planes, h.Input, w.Input, 16] → y [planes, h.Output, w.Output, 16]; taps without fill values.</summary>
    public static void Run(Workers workers, int planes, AxisTaps h, AxisTaps w, float* x, float* y) =>
        workers.For(Tensors.Checked.Int((long)planes * h.Output), Math.Max(1, 2048 / Math.Max(1, w.Output)), new Body(h, w, IsIdentity(w), ResampleRows.Table.Best, Table.Best, x, y));

    private static bool IsIdentity(AxisTaps t)
    {
        if (t.Taps != 1 || t.Input != t.Output) return false;
        for (int i = 0; i < t.Output; i++)
            if (t.Indices[i] != i || t.Weights[i] != 1) return false;
        return true;
    }

    private readonly struct Body(AxisTaps h, AxisTaps w, bool rowsOnly, ResampleRows.Fn rows, Fn pixels, float* x, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            nint pitch = (nint)w.Input * Block;
            float* mixed = (float*)Scratch.Get((long)pitch * sizeof(float));
            fixed (int* hi = h.Indices, wi = w.Indices)
            fixed (float* hw = h.Weights, ww = w.Weights)
                for (int r = start; r < end; r++)
                {
                    var (plane, o) = Math.DivRem(r, h.Output);
                    float* from = x + (nint)plane * h.Input * pitch, to = y + (nint)r * w.Output * Block;
                    if (rowsOnly) rows(from, pitch, hi + o * h.Taps, hw + o * h.Taps, h.Taps, to, pitch);
                    else
                    {
                        if (h.Taps == 1 && hw[o] == 1) from += hi[o] * pitch;
                        else
                        {
                            rows(from, pitch, hi + o * h.Taps, hw + o * h.Taps, h.Taps, mixed, pitch);
                            from = mixed;
                        }
                        pixels(from, wi, ww, w.Taps, to, w.Output);
                    }
                }
        }
    }

    private static void Scalar(float* x, int* indices, float* weights, int taps, float* y, int pixels)
    {
        for (int p = 0; p < pixels; p++)
            for (int l = 0; l < Block; l++)
            {
                double sum = 0;
                for (int k = 0; k < taps; k++) sum += (double)weights[p * taps + k] * x[(nint)indices[p * taps + k] * Block + l];
                y[(nint)p * Block + l] = (float)sum;
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lanes<TV>(float* x, int* indices, float* weights, int taps, float* y, int pixels) where TV : unmanaged, IF32Vector<TV>
    {
        for (int p = 0; p < pixels; p++, y += Block, indices += taps, weights += taps)
            for (int l = 0; l < Block; l += TV.Count)
            {
                var sum = TV.Of(weights[0]) * TV.Load(x + (nint)indices[0] * Block + l);
                for (int k = 1; k < taps; k++) sum.AddProduct(TV.Of(weights[k]), TV.Load(x + (nint)indices[k] * Block + l));
                sum.Store(y + l);
            }
    }
}
