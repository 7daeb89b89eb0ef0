using System.Runtime.CompilerServices;

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
        new("avx512", F32x16.IsSupported, Run<F32x16>),
        new("avx2", F32x8.IsSupported, Run<F32x8>),
        new("vector", F32x4.IsSupported, Run<F32x4>),
        new("scalar", true, RowScalar));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TV>(in Row t) where TV : unmanaged, IF32Vector<TV>
    {
        WindowDim w = t.Window;
        // No more than one column lies outside at either end.
        bool three = w.Kernel == 3 && w.Dilation == 1 && w.Output >= 4 && w.Pad <= 1 && w.Start(w.Output - 1) + 2 <= w.Input;
        for (int lane = 0; lane < Block; lane += TV.Count)
        {
            switch (three ? (t.Rows, w.Stride) : default)
            {
                case (3, 1): Three<TV, N3, N1>(t, lane); break;
                case (3, 2): Three<TV, N3, N2>(t, lane); break;
                case (2, 1): Three<TV, N2, N1>(t, lane); break;
                case (2, 2): Three<TV, N2, N2>(t, lane); break;
                default:
                    for (int p = 0; p < t.Inner; p++) Pixel<TV>(t, lane, p);
                    Inside<TV>(t, lane);
                    for (int p = t.Outer; p < w.Output; p++) Pixel<TV>(t, lane, p);
                    break;
            }
        }
    }

    private interface INumber { static abstract int Value { get; } }
    private readonly struct N1 : INumber { public static int Value => 1; }
    private readonly struct N2 : INumber { public static int Value => 2; }
    private readonly struct N3 : INumber { public static int Value => 3; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TV Start<TV>(in Row t, int lane) where TV : unmanaged, IF32Vector<TV> => t.Bias is null ? TV.Of(0) : TV.Load(t.Bias + lane);

    /// <summary>Adds the tail's operand, bounds and stores; <paramref name="at"/> in floats of the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TV>(in Row t, TV v, nint at, TV low, TV high) where TV : unmanaged, IF32Vector<TV>
    {
        if (t.Tail.Plus is not null) v += TV.Load(t.Tail.Plus + at);
        TV.Clamp(v, low, high).Store(t.Y + at);
    }

    // An output near an end of the row: some columns of taps lie outside.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pixel<TV>(in Row t, int lane, int p) where TV : unmanaged, IF32Vector<TV>
    {
        t.Window.Taps(p, out int first, out int end);
        TV sum = Start<TV>(t, lane);
        nint step = (nint)t.Window.Dilation * Block;
        float* w = t.W + first * Block + lane, x = t.X + ((nint)t.Window.Start(p) + (nint)first * t.Window.Dilation) * Block + lane;
        for (int r = t.Rows; r > 0; r--, w += (nint)t.Window.Kernel * Block, x += t.RowStep)
            for (int k = 0; k < end - first; k++) sum.AddProduct(TV.Load(w + k * Block), TV.Load(x + k * step));
        Store<TV>(t, sum, (nint)p * Block + lane, TV.Of(t.Tail.Low), TV.Of(t.Tail.High));
    }

    // Four pixels at once hide the latency of a multiply-add.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Inside<TV>(in Row t, int lane) where TV : unmanaged, IF32Vector<TV>
    {
        TV start = Start<TV>(t, lane), low = TV.Of(t.Tail.Low), high = TV.Of(t.Tail.High);
        nint step = (nint)t.Window.Stride * Block, column = (nint)t.Window.Dilation * Block;
        int p = t.Inner;
        for (; p + 4 <= t.Outer; p += 4)
        {
            TV a = start, b = start, c = start, d = start;
            float* w = t.W + lane, row = t.X + (nint)t.Window.Start(p) * Block + lane;
            for (int r = t.Rows; r > 0; r--, row += t.RowStep)
            {
                float* x = row;
                for (int k = t.Window.Kernel; k > 0; k--, w += Block, x += column)
                {
                    TV f = TV.Load(w);
                    a.AddProduct(f, TV.Load(x));
                    b.AddProduct(f, TV.Load(x + step));
                    c.AddProduct(f, TV.Load(x + 2 * step));
                    d.AddProduct(f, TV.Load(x + 3 * step));
                }
            }
            nint at = (nint)p * Block + lane;
            Store<TV>(t, a, at, low, high);
            Store<TV>(t, b, at + Block, low, high);
            Store<TV>(t, c, at + 2 * Block, low, high);
            Store<TV>(t, d, at + 3 * Block, low, high);
        }
        for (; p < t.Outer; p++) Pixel<TV>(t, lane, p);
    }

    /// <summary>
    /// Three columns of taps, their weights in registers; four pixels share the inputs between them. The last four lie over pixels that are
    /// done already; columns outside the row are read from zeros.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Three<TV, TRows, TStride>(in Row t, int lane) where TV : unmanaged, IF32Vector<TV> where TRows : struct, INumber where TStride : struct, INumber
    {
        TV start = Start<TV>(t, lane), low = TV.Of(t.Tail.Low), high = TV.Of(t.Tail.High);
        float* w = t.W + lane;
        TV w00 = TV.Load(w), w01 = TV.Load(w + Block), w02 = TV.Load(w + 2 * Block);
        TV w10 = TV.Load(w + 3 * Block), w11 = TV.Load(w + 4 * Block), w12 = TV.Load(w + 5 * Block);
        TV w20 = default, w21 = default, w22 = default;
        if (TRows.Value > 2) (w20, w21, w22) = (TV.Load(w + 6 * Block), TV.Load(w + 7 * Block), TV.Load(w + 8 * Block));
        float* zeros = stackalloc float[Block];
        int last = t.Window.Output - 4;
        bool before = t.Window.Pad > 0, behind = t.Window.Start(last + 3) + 2 == t.Window.Input;
        for (int done = 0; done < t.Window.Output; done += 4)
        {
            int p = Math.Min(done, last);
            TV a = start, b = start, c = start, d = start;
            float* x = t.X + (nint)t.Window.Start(p) * Block + lane, left = before && p == 0 ? zeros : null, right = behind && p == last ? zeros : null;
            Taps<TV, TStride>(x, left, right, w00, w01, w02, ref a, ref b, ref c, ref d);
            Taps<TV, TStride>(x += t.RowStep, left, right, w10, w11, w12, ref a, ref b, ref c, ref d);
            if (TRows.Value > 2) Taps<TV, TStride>(x += t.RowStep, left, right, w20, w21, w22, ref a, ref b, ref c, ref d);
            nint at = (nint)p * Block + lane;
            Store<TV>(t, a, at, low, high);
            Store<TV>(t, b, at + Block, low, high);
            Store<TV>(t, c, at + 2 * Block, low, high);
            Store<TV>(t, d, at + 3 * Block, low, high);
        }
    }

    // One row of taps of four pixels; the first and the last column may lie elsewhere.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Taps<TV, TStride>(float* x, float* left, float* right, TV w0, TV w1, TV w2, ref TV a, ref TV b, ref TV c, ref TV d) where TV : unmanaged, IF32Vector<TV> where TStride : struct, INumber
    {
        if (TStride.Value == 1)
        {
            TV x0 = TV.Load(left is null ? x : left), x1 = TV.Load(x + Block), x2 = TV.Load(x + 2 * Block), x3 = TV.Load(x + 3 * Block), x4 = TV.Load(x + 4 * Block);
            TV x5 = TV.Load(right is null ? x + 5 * Block : right);
            a.AddProduct(w0, x0);
            b.AddProduct(w0, x1);
            c.AddProduct(w0, x2);
            d.AddProduct(w0, x3);
            a.AddProduct(w1, x1);
            b.AddProduct(w1, x2);
            c.AddProduct(w1, x3);
            d.AddProduct(w1, x4);
            a.AddProduct(w2, x2);
            b.AddProduct(w2, x3);
            c.AddProduct(w2, x4);
            d.AddProduct(w2, x5);
            return;
        }
        TV x22 = TV.Load(x + 2 * Block), x44 = TV.Load(x + 4 * Block), x66 = TV.Load(x + 6 * Block);
        a.AddProduct(w0, TV.Load(left is null ? x : left));
        b.AddProduct(w0, x22);
        c.AddProduct(w0, x44);
        d.AddProduct(w0, x66);
        a.AddProduct(w1, TV.Load(x + Block));
        b.AddProduct(w1, TV.Load(x + 3 * Block));
        c.AddProduct(w1, TV.Load(x + 5 * Block));
        d.AddProduct(w1, TV.Load(x + 7 * Block));
        a.AddProduct(w2, x22);
        b.AddProduct(w2, x44);
        c.AddProduct(w2, x66);
        d.AddProduct(w2, TV.Load(right is null ? x + 8 * Block : right));
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
