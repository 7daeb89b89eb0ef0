using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>The loops of a product of sparse panels for one way to gather and multiply; see <see cref="GemmNmU8S8"/>.</summary>
internal static unsafe class NmPanels
{
    /// <summary>What is constant in a loop: bytes of A a quad, and bits of a position.</summary>
    private interface IWindow
    {
        static abstract int Bytes { get; }

        static abstract int Bits { get; }
    }

    private readonly struct Bytes8Bits2 : IWindow
    {
        public static int Bytes => 8;

        public static int Bits => 2;
    }

    private readonly struct Bytes16Bits2 : IWindow
    {
        public static int Bytes => 16;

        public static int Bits => 2;
    }

    private readonly struct Bytes8Bits4 : IWindow
    {
        public static int Bytes => 8;

        public static int Bits => 4;
    }

    private readonly struct Bytes16Bits4 : IWindow
    {
        public static int Bytes => 16;

        public static int Bits => 4;
    }

    // Bytes ahead of what is read of a single row's weights, which come from memory.
    private const int Ahead = 4096;

    public static void Run<T, TSum, TBytes, TValues>(in GemmNmU8S8.Tile t) where T : struct, INmDot<TSum, TBytes, TValues> where TSum : unmanaged where TBytes : unmanaged where TValues : unmanaged
    {
        switch (t.Window, t.IndexBits)
        {
            case (8, 2): Rows<T, Bytes8Bits2, TSum, TBytes, TValues>(t); break;
            case (16, 2): Rows<T, Bytes16Bits2, TSum, TBytes, TValues>(t); break;
            case (8, 4): Rows<T, Bytes8Bits4, TSum, TBytes, TValues>(t); break;
            default: Rows<T, Bytes16Bits4, TSum, TBytes, TValues>(t); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows<T, F, TSum, TBytes, TValues>(in GemmNmU8S8.Tile t) where T : struct, INmDot<TSum, TBytes, TValues> where F : struct, IWindow where TSum : unmanaged where TBytes : unmanaged where TValues : unmanaged
    {
        int* zeros = stackalloc int[GemmU8S8.PanelColumns];
        for (int column = 0; column < t.Base.Columns; column += 2 * T.Lanes)
        {
            int row = 0;
            if (T.IsTurned) Zeros<T, F, TSum, TBytes, TValues>(t, column, zeros);
            for (; T.EightRows && row <= t.Base.Rows - 8; row += 8) Rows8<T, F, TSum, TBytes, TValues>(t, row, column, zeros);
            for (; row <= t.Base.Rows - 4; row += 4) Rows4<T, F, TSum, TBytes, TValues>(t, row, column, zeros);
            for (; row < t.Base.Rows; row++) Rows1<T, F, TSum, TBytes, TValues>(t, row, column, zeros);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSum Begin<T, TSum, TBytes, TValues>(in GemmU8S8.Tile t, int row, int column, int* zeros) where T : struct, INmDot<TSum, TBytes, TValues> where TSum : unmanaged where TBytes : unmanaged where TValues : unmanaged =>
        T.IsTurned ? T.Minus(t.Start == null ? default : T.Load(t.Start + row * t.StartStride + column), T.Load(zeros)) : t.Start == null ? default : T.Load(t.Start + row * t.StartStride + column);

    /// <summary>The sums of a row of zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Zeros<T, F, TSum, TBytes, TValues>(in GemmNmU8S8.Tile tile, int column, int* zeros) where T : struct, INmDot<TSum, TBytes, TValues> where F : struct, IWindow where TSum : unmanaged where TBytes : unmanaged where TValues : unmanaged
    {
        ref readonly var t = ref tile.Base;
        TSum x = default, y = default;
        ulong nothing = 0;
        TBytes mask = T.Fill(Mask<F>()), offsets = T.Fill(tile.Offsets), a = T.Window8((byte*)&nothing);
        nint step = 4 * (nint)t.Columns;
        byte* b = (byte*)t.B + 4 * column;
        for (int s = t.Segments; s > 0; s--)
            for (int left = t.Quads; left > 0;)
            {
                int fields = Math.Min(left, 8 / F.Bits);
                left -= fields;
                // All of a window is alike, so positions do not matter.
                for (b += step; fields > 0; fields--, b += step)
                {
                    x = T.Add(x, a, T.Control(offsets, mask, offsets, b), T.Values(b));
                    y = T.Add(y, a, T.Control(offsets, mask, offsets, b + 4 * T.Lanes), T.Values(b + 4 * T.Lanes));
                }
            }
        End<T, TSum, TBytes, TValues>(x, y, zeros);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TBytes Window<T, F, TSum, TBytes, TValues>(byte* p) where T : struct, INmDot<TSum, TBytes, TValues> where F : struct, IWindow where TSum : unmanaged where TBytes : unmanaged where TValues : unmanaged =>
        F.Bytes == 8 ? T.Window8(p) : T.Window16(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Mask<F>() where F : struct, IWindow => F.Bits == 2 ? 0x03030303u : 0x0f0f0f0fu;

    /// <summary>Two vectors of columns: positions and values are made ready once for four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<T, F, TSum, TBytes, TValues>(in GemmNmU8S8.Tile tile, int row, int column, int* zeros) where T : struct, INmDot<TSum, TBytes, TValues> where F : struct, IWindow where TSum : unmanaged where TBytes : unmanaged where TValues : unmanaged
    {
        ref readonly var t = ref tile.Base;
        TSum x0 = Begin<T, TSum, TBytes, TValues>(t, row, column, zeros), y0 = Begin<T, TSum, TBytes, TValues>(t, row, column + T.Lanes, zeros + T.Lanes);
        TSum x1 = Begin<T, TSum, TBytes, TValues>(t, row + 1, column, zeros), y1 = Begin<T, TSum, TBytes, TValues>(t, row + 1, column + T.Lanes, zeros + T.Lanes);
        TSum x2 = Begin<T, TSum, TBytes, TValues>(t, row + 2, column, zeros), y2 = Begin<T, TSum, TBytes, TValues>(t, row + 2, column + T.Lanes, zeros + T.Lanes);
        TSum x3 = Begin<T, TSum, TBytes, TValues>(t, row + 3, column, zeros), y3 = Begin<T, TSum, TBytes, TValues>(t, row + 3, column + T.Lanes, zeros + T.Lanes);
        TBytes mask = T.Fill(Mask<F>()), offsets = T.Fill(tile.Offsets);
        nint stride = t.RowStride, step = 4 * (nint)t.Columns;
        byte* run = t.A + row * stride, b = (byte*)t.B + 4 * column;
        for (int s = t.Segments; s > 0; s--, run += t.SegmentStride)
        {
            byte* p = run, p2 = run + 2 * stride;
            for (int left = t.Quads; left > 0;)
            {
                TBytes ix = T.Bytes(b), iy = T.Bytes(b + 4 * T.Lanes);
                int fields = Math.Min(left, 8 / F.Bits);
                left -= fields;
                for (b += step; fields > 0; fields--, b += step, p += F.Bytes, p2 += F.Bytes)
                {
                    TBytes cx = T.Control(ix, mask, offsets, b), cy = T.Control(iy, mask, offsets, b + 4 * T.Lanes);
                    TValues wx = T.Values(b), wy = T.Values(b + 4 * T.Lanes);
                    ix = T.Next(ix, F.Bits);
                    iy = T.Next(iy, F.Bits);
                    TBytes a = Window<T, F, TSum, TBytes, TValues>(p);
                    x0 = T.Add(x0, a, cx, wx);
                    y0 = T.Add(y0, a, cy, wy);
                    a = Window<T, F, TSum, TBytes, TValues>(p + stride);
                    x1 = T.Add(x1, a, cx, wx);
                    y1 = T.Add(y1, a, cy, wy);
                    a = Window<T, F, TSum, TBytes, TValues>(p2);
                    x2 = T.Add(x2, a, cx, wx);
                    y2 = T.Add(y2, a, cy, wy);
                    a = Window<T, F, TSum, TBytes, TValues>(p2 + stride);
                    x3 = T.Add(x3, a, cx, wx);
                    y3 = T.Add(y3, a, cy, wy);
                }
            }
        }
        int* c = t.C + row * t.CStride + column;
        End<T, TSum, TBytes, TValues>(x0, y0, c);
        End<T, TSum, TBytes, TValues>(x1, y1, c + t.CStride);
        End<T, TSum, TBytes, TValues>(x2, y2, c + 2 * t.CStride);
        End<T, TSum, TBytes, TValues>(x3, y3, c + 3 * t.CStride);
    }

    /// <summary>The same for eight rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows8<T, F, TSum, TBytes, TValues>(in GemmNmU8S8.Tile tile, int row, int column, int* zeros) where T : struct, INmDot<TSum, TBytes, TValues> where F : struct, IWindow where TSum : unmanaged where TBytes : unmanaged where TValues : unmanaged
    {
        ref readonly var t = ref tile.Base;
        TSum x0 = Begin<T, TSum, TBytes, TValues>(t, row, column, zeros), y0 = Begin<T, TSum, TBytes, TValues>(t, row, column + T.Lanes, zeros + T.Lanes);
        TSum x1 = Begin<T, TSum, TBytes, TValues>(t, row + 1, column, zeros), y1 = Begin<T, TSum, TBytes, TValues>(t, row + 1, column + T.Lanes, zeros + T.Lanes);
        TSum x2 = Begin<T, TSum, TBytes, TValues>(t, row + 2, column, zeros), y2 = Begin<T, TSum, TBytes, TValues>(t, row + 2, column + T.Lanes, zeros + T.Lanes);
        TSum x3 = Begin<T, TSum, TBytes, TValues>(t, row + 3, column, zeros), y3 = Begin<T, TSum, TBytes, TValues>(t, row + 3, column + T.Lanes, zeros + T.Lanes);
        TSum x4 = Begin<T, TSum, TBytes, TValues>(t, row + 4, column, zeros), y4 = Begin<T, TSum, TBytes, TValues>(t, row + 4, column + T.Lanes, zeros + T.Lanes);
        TSum x5 = Begin<T, TSum, TBytes, TValues>(t, row + 5, column, zeros), y5 = Begin<T, TSum, TBytes, TValues>(t, row + 5, column + T.Lanes, zeros + T.Lanes);
        TSum x6 = Begin<T, TSum, TBytes, TValues>(t, row + 6, column, zeros), y6 = Begin<T, TSum, TBytes, TValues>(t, row + 6, column + T.Lanes, zeros + T.Lanes);
        TSum x7 = Begin<T, TSum, TBytes, TValues>(t, row + 7, column, zeros), y7 = Begin<T, TSum, TBytes, TValues>(t, row + 7, column + T.Lanes, zeros + T.Lanes);
        TBytes mask = T.Fill(Mask<F>()), offsets = T.Fill(tile.Offsets);
        nint stride = t.RowStride, step = 4 * (nint)t.Columns;
        byte* run = t.A + row * stride, b = (byte*)t.B + 4 * column;
        for (int s = t.Segments; s > 0; s--, run += t.SegmentStride)
        {
            byte* p = run, p3 = run + 3 * stride, p6 = run + 6 * stride;
            for (int left = t.Quads; left > 0;)
            {
                TBytes ix = T.Bytes(b), iy = T.Bytes(b + 4 * T.Lanes);
                int fields = Math.Min(left, 8 / F.Bits);
                left -= fields;
                for (b += step; fields > 0; fields--, b += step, p += F.Bytes, p3 += F.Bytes, p6 += F.Bytes)
                {
                    TBytes cx = T.Control(ix, mask, offsets, b), cy = T.Control(iy, mask, offsets, b + 4 * T.Lanes);
                    TValues wx = T.Values(b), wy = T.Values(b + 4 * T.Lanes);
                    ix = T.Next(ix, F.Bits);
                    iy = T.Next(iy, F.Bits);
                    TBytes a = Window<T, F, TSum, TBytes, TValues>(p);
                    x0 = T.Add(x0, a, cx, wx);
                    y0 = T.Add(y0, a, cy, wy);
                    a = Window<T, F, TSum, TBytes, TValues>(p + stride);
                    x1 = T.Add(x1, a, cx, wx);
                    y1 = T.Add(y1, a, cy, wy);
                    a = Window<T, F, TSum, TBytes, TValues>(p + 2 * stride);
                    x2 = T.Add(x2, a, cx, wx);
                    y2 = T.Add(y2, a, cy, wy);
                    a = Window<T, F, TSum, TBytes, TValues>(p3);
                    x3 = T.Add(x3, a, cx, wx);
                    y3 = T.Add(y3, a, cy, wy);
                    a = Window<T, F, TSum, TBytes, TValues>(p3 + stride);
                    x4 = T.Add(x4, a, cx, wx);
                    y4 = T.Add(y4, a, cy, wy);
                    a = Window<T, F, TSum, TBytes, TValues>(p3 + 2 * stride);
                    x5 = T.Add(x5, a, cx, wx);
                    y5 = T.Add(y5, a, cy, wy);
                    a = Window<T, F, TSum, TBytes, TValues>(p6);
                    x6 = T.Add(x6, a, cx, wx);
                    y6 = T.Add(y6, a, cy, wy);
                    a = Window<T, F, TSum, TBytes, TValues>(p6 + stride);
                    x7 = T.Add(x7, a, cx, wx);
                    y7 = T.Add(y7, a, cy, wy);
                }
            }
        }
        int* c = t.C + row * t.CStride + column;
        End<T, TSum, TBytes, TValues>(x0, y0, c);
        End<T, TSum, TBytes, TValues>(x1, y1, c + t.CStride);
        End<T, TSum, TBytes, TValues>(x2, y2, c + 2 * t.CStride);
        End<T, TSum, TBytes, TValues>(x3, y3, c + 3 * t.CStride);
        End<T, TSum, TBytes, TValues>(x4, y4, c + 4 * t.CStride);
        End<T, TSum, TBytes, TValues>(x5, y5, c + 5 * t.CStride);
        End<T, TSum, TBytes, TValues>(x6, y6, c + 6 * t.CStride);
        End<T, TSum, TBytes, TValues>(x7, y7, c + 7 * t.CStride);
    }

    /// <summary>Sums of quads by turns: one would wait for itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<T, F, TSum, TBytes, TValues>(in GemmNmU8S8.Tile tile, int row, int column, int* zeros) where T : struct, INmDot<TSum, TBytes, TValues> where F : struct, IWindow where TSum : unmanaged where TBytes : unmanaged where TValues : unmanaged
    {
        ref readonly var t = ref tile.Base;
        TSum x0 = Begin<T, TSum, TBytes, TValues>(t, row, column, zeros), y0 = Begin<T, TSum, TBytes, TValues>(t, row, column + T.Lanes, zeros + T.Lanes), x1 = default, y1 = default;
        TBytes mask = T.Fill(Mask<F>()), offsets = T.Fill(tile.Offsets);
        nint step = 4 * (nint)t.Columns;
        byte* run = t.A + row * t.RowStride, b = (byte*)t.B + 4 * column;
        for (int s = t.Segments; s > 0; s--, run += t.SegmentStride)
        {
            byte* p = run;
            for (int left = t.Quads; left > 0;)
            {
                TBytes ix = T.Bytes(b), iy = T.Bytes(b + 4 * T.Lanes);
                T.Prefetch(b + Ahead);
                int fields = Math.Min(left, 8 / F.Bits);
                left -= fields;
                for (b += step; fields >= 2; fields -= 2, b += 2 * step, p += 2 * F.Bytes)
                {
                    T.Prefetch(b + Ahead);
                    T.Prefetch(b + Ahead + step);
                    TBytes a = Window<T, F, TSum, TBytes, TValues>(p);
                    x0 = T.Add(x0, a, T.Control(ix, mask, offsets, b), T.Values(b));
                    y0 = T.Add(y0, a, T.Control(iy, mask, offsets, b + 4 * T.Lanes), T.Values(b + 4 * T.Lanes));
                    a = Window<T, F, TSum, TBytes, TValues>(p + F.Bytes);
                    x1 = T.Add(x1, a, T.Control(T.Next(ix, F.Bits), mask, offsets, b + step), T.Values(b + step));
                    y1 = T.Add(y1, a, T.Control(T.Next(iy, F.Bits), mask, offsets, b + step + 4 * T.Lanes), T.Values(b + step + 4 * T.Lanes));
                    ix = T.Next(ix, 2 * F.Bits);
                    iy = T.Next(iy, 2 * F.Bits);
                }
                if (fields == 0) continue;
                TBytes last = Window<T, F, TSum, TBytes, TValues>(p);
                x0 = T.Add(x0, last, T.Control(ix, mask, offsets, b), T.Values(b));
                y0 = T.Add(y0, last, T.Control(iy, mask, offsets, b + 4 * T.Lanes), T.Values(b + 4 * T.Lanes));
                b += step;
            }
        }
        End<T, TSum, TBytes, TValues>(T.Plus(x0, x1), T.Plus(y0, y1), t.C + row * t.CStride + column);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void End<T, TSum, TBytes, TValues>(TSum x, TSum y, int* c) where T : struct, INmDot<TSum, TBytes, TValues> where TSum : unmanaged where TBytes : unmanaged where TValues : unmanaged
    {
        T.Store(x, c);
        T.Store(y, c + T.Lanes);
    }
}
