using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

public static unsafe partial class ConvDepthwiseBlocked
{
    /// <summary>A row of output pixels of one block: y[p] = bias + Σ w · x, over the rows of taps that lie inside the image, then the tail.</summary>
    public struct Row
    {
        /// <summary>The row of input under the first row of taps, and that row's weights; 16 floats a pixel and a tap.</summary>
        public float* X, W;

        /// <summary>Floats from a row of taps to the next in the input.</summary>
        public nint RowStep;

        /// <summary>Rows of taps; outputs [Inner, Outer) have all their columns of taps inside the row.</summary>
        public int Rows, Inner, Outer;

        /// <summary>The window along the row.</summary>
        public WindowDim Window;

        /// <summary>16 values, or null.</summary>
        public float* Bias;

        /// <summary>16 floats a pixel.</summary>
        public float* Y;

        /// <summary>What is done before storing.</summary>
        public StoreTail Tail;
    }

    /// <summary>Computes a row.</summary>
    public delegate void RowFn(in Row t);

    /// <summary>Best first: a wider vector does more channels at once; the reference sums in double.</summary>
    public static KernelTable<RowFn> Table { get; } = new("conv-depthwise-blocked",
        new("avx512", Avx512F.IsSupported, static (in Row t) => Run<Vector512<float>, Wide512>(t)),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, static (in Row t) => Run<Vector256<float>, Wide256>(t)),
        new("vector", Vector128.IsHardwareAccelerated, static (in Row t) => Run<Vector128<float>, Wide128>(t)),
        new("scalar", true, RowScalar));

    private static void Run<V, L>(in Row t) where V : struct where L : struct, IWide<V>
    {
        WindowDim w = t.Window;
        bool three = w.Kernel == 3 && w.Dilation == 1 && t.Outer - t.Inner >= 4;
        for (int lane = 0; lane < Block; lane += L.Count)
        {
            for (int p = 0; p < t.Inner; p++) Pixel<V, L>(t, lane, p);
            switch (three ? (t.Rows, w.Stride) : default)
            {
                case (3, 1): Three<V, L, N3, N1>(t, lane); break;
                case (3, 2): Three<V, L, N3, N2>(t, lane); break;
                case (2, 1): Three<V, L, N2, N1>(t, lane); break;
                case (2, 2): Three<V, L, N2, N2>(t, lane); break;
                default: Inside<V, L>(t, lane); break;
            }
            for (int p = t.Outer; p < w.Output; p++) Pixel<V, L>(t, lane, p);
        }
    }

    private interface INumber { static abstract int Value { get; } }
    private readonly struct N1 : INumber { public static int Value => 1; }
    private readonly struct N2 : INumber { public static int Value => 2; }
    private readonly struct N3 : INumber { public static int Value => 3; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Start<V, L>(in Row t, int lane) where V : struct where L : struct, IWide<V> => t.Bias is null ? L.Broadcast(0) : L.Load(t.Bias + lane);

    /// <summary>Adds the tail's operand, bounds and stores; <paramref name="at"/> in floats of the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<V, L>(in Row t, V v, nint at, V low, V high) where V : struct where L : struct, IWide<V>
    {
        if (t.Tail.Plus is not null) v = L.Add(v, L.Load(t.Tail.Plus + at));
        L.Store(L.Bound(v, low, high), t.Y + at);
    }

    // An output near an end of the row: some columns of taps lie outside.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pixel<V, L>(in Row t, int lane, int p) where V : struct where L : struct, IWide<V>
    {
        t.Window.Taps(p, out int first, out int end);
        V sum = Start<V, L>(t, lane);
        nint step = (nint)t.Window.Dilation * Block;
        float* w = t.W + first * Block + lane, x = t.X + ((nint)t.Window.Start(p) + (nint)first * t.Window.Dilation) * Block + lane;
        for (int r = t.Rows; r > 0; r--, w += (nint)t.Window.Kernel * Block, x += t.RowStep)
            for (int k = 0; k < end - first; k++) sum = L.MultiplyAdd(L.Load(w + k * Block), L.Load(x + k * step), sum);
        Store<V, L>(t, sum, (nint)p * Block + lane, L.Broadcast(t.Tail.Low), L.Broadcast(t.Tail.High));
    }

    // Four pixels at once hide the latency of a multiply-add.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Inside<V, L>(in Row t, int lane) where V : struct where L : struct, IWide<V>
    {
        V start = Start<V, L>(t, lane), low = L.Broadcast(t.Tail.Low), high = L.Broadcast(t.Tail.High);
        nint step = (nint)t.Window.Stride * Block, column = (nint)t.Window.Dilation * Block;
        int p = t.Inner;
        for (; p + 4 <= t.Outer; p += 4)
        {
            V a = start, b = start, c = start, d = start;
            float* w = t.W + lane, row = t.X + (nint)t.Window.Start(p) * Block + lane;
            for (int r = t.Rows; r > 0; r--, row += t.RowStep)
            {
                float* x = row;
                for (int k = t.Window.Kernel; k > 0; k--, w += Block, x += column)
                {
                    V f = L.Load(w);
                    a = L.MultiplyAdd(f, L.Load(x), a);
                    b = L.MultiplyAdd(f, L.Load(x + step), b);
                    c = L.MultiplyAdd(f, L.Load(x + 2 * step), c);
                    d = L.MultiplyAdd(f, L.Load(x + 3 * step), d);
                }
            }
            nint at = (nint)p * Block + lane;
            Store<V, L>(t, a, at, low, high);
            Store<V, L>(t, b, at + Block, low, high);
            Store<V, L>(t, c, at + 2 * Block, low, high);
            Store<V, L>(t, d, at + 3 * Block, low, high);
        }
        for (; p < t.Outer; p++) Pixel<V, L>(t, lane, p);
    }

    /// <summary>Three columns of taps, their weights in registers; four pixels share the inputs between them. The last four lie over pixels that are done already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Three<V, L, TRows, TStride>(in Row t, int lane) where V : struct where L : struct, IWide<V> where TRows : struct, INumber where TStride : struct, INumber
    {
        V start = Start<V, L>(t, lane), low = L.Broadcast(t.Tail.Low), high = L.Broadcast(t.Tail.High);
        float* w = t.W + lane;
        V w00 = L.Load(w), w01 = L.Load(w + Block), w02 = L.Load(w + 2 * Block);
        V w10 = L.Load(w + 3 * Block), w11 = L.Load(w + 4 * Block), w12 = L.Load(w + 5 * Block);
        V w20 = default, w21 = default, w22 = default;
        if (TRows.Value > 2) (w20, w21, w22) = (L.Load(w + 6 * Block), L.Load(w + 7 * Block), L.Load(w + 8 * Block));
        for (int done = t.Inner; done < t.Outer; done += 4)
        {
            int p = Math.Min(done, t.Outer - 4);
            V a = start, b = start, c = start, d = start;
            float* x = t.X + (nint)t.Window.Start(p) * Block + lane;
            Taps<V, L, TStride>(x, w00, w01, w02, ref a, ref b, ref c, ref d);
            Taps<V, L, TStride>(x += t.RowStep, w10, w11, w12, ref a, ref b, ref c, ref d);
            if (TRows.Value > 2) Taps<V, L, TStride>(x += t.RowStep, w20, w21, w22, ref a, ref b, ref c, ref d);
            nint at = (nint)p * Block + lane;
            Store<V, L>(t, a, at, low, high);
            Store<V, L>(t, b, at + Block, low, high);
            Store<V, L>(t, c, at + 2 * Block, low, high);
            Store<V, L>(t, d, at + 3 * Block, low, high);
        }
    }

    // One row of taps of four pixels.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Taps<V, L, TStride>(float* x, V w0, V w1, V w2, ref V a, ref V b, ref V c, ref V d) where V : struct where L : struct, IWide<V> where TStride : struct, INumber
    {
        if (TStride.Value == 1)
        {
            V x0 = L.Load(x), x1 = L.Load(x + Block), x2 = L.Load(x + 2 * Block), x3 = L.Load(x + 3 * Block), x4 = L.Load(x + 4 * Block), x5 = L.Load(x + 5 * Block);
            a = L.MultiplyAdd(w0, x0, a);
            b = L.MultiplyAdd(w0, x1, b);
            c = L.MultiplyAdd(w0, x2, c);
            d = L.MultiplyAdd(w0, x3, d);
            a = L.MultiplyAdd(w1, x1, a);
            b = L.MultiplyAdd(w1, x2, b);
            c = L.MultiplyAdd(w1, x3, c);
            d = L.MultiplyAdd(w1, x4, d);
            a = L.MultiplyAdd(w2, x2, a);
            b = L.MultiplyAdd(w2, x3, b);
            c = L.MultiplyAdd(w2, x4, c);
            d = L.MultiplyAdd(w2, x5, d);
            return;
        }
        V x22 = L.Load(x + 2 * Block), x44 = L.Load(x + 4 * Block), x66 = L.Load(x + 6 * Block);
        a = L.MultiplyAdd(w0, L.Load(x), a);
        b = L.MultiplyAdd(w0, x22, b);
        c = L.MultiplyAdd(w0, x44, c);
        d = L.MultiplyAdd(w0, x66, d);
        a = L.MultiplyAdd(w1, L.Load(x + Block), a);
        b = L.MultiplyAdd(w1, L.Load(x + 3 * Block), b);
        c = L.MultiplyAdd(w1, L.Load(x + 5 * Block), c);
        d = L.MultiplyAdd(w1, L.Load(x + 7 * Block), d);
        a = L.MultiplyAdd(w2, x22, a);
        b = L.MultiplyAdd(w2, x44, b);
        c = L.MultiplyAdd(w2, x66, c);
        d = L.MultiplyAdd(w2, L.Load(x + 8 * Block), d);
    }

    private static void RowScalar(in Row t)
    {
        for (int p = 0; p < t.Window.Output; p++)
            for (int l = 0; l < Block; l++)
            {
                t.Window.Taps(p, out int first, out int end);
                double sum = t.Bias is null ? 0 : t.Bias[l];
                for (int r = 0; r < t.Rows; r++)
                    for (int k = first; k < end; k++) sum += (double)t.W[(r * t.Window.Kernel + k) * Block + l] * t.X[r * t.RowStep + (nint)(t.Window.Start(p) + k * t.Window.Dilation) * Block + l];
                nint at = (nint)p * Block + l;
                float v = (float)sum + (t.Tail.Plus is null ? 0 : t.Tail.Plus[at]);
                t.Y[at] = v < t.Tail.Low ? t.Tail.Low : v > t.Tail.High ? t.Tail.High : v;
            }
    }
}
