using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>The loops of a product of panels for one way to multiply four bytes a lane; see <see cref="GemmU8S8.Tile"/>.</summary>
internal static unsafe class DotPanels
{
    /// <summary>
    /// Two vectors of columns at a time, and six rows: twelve sums, the two vectors and one of A are fifteen registers. Four where quads of B
    /// take two registers each.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T, TSum, TA, TB>(in GemmU8S8.Tile t) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        for (int column = 0; column < t.Columns; column += GemmU8S8.PanelColumns) Panel<T, TSum, TA, TB>(t.Of(column, GemmU8S8.PanelWidth(t.Columns, column)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Panel<T, TSum, TA, TB>(in GemmU8S8.Tile t) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        for (int column = 0; column < t.Columns; column += 2 * T.Lanes)
        {
            int row = 0;
            for (; T.SixRows && row <= t.Rows - 6; row += 6) Rows6<T, TSum, TA, TB>(t, row, column);
            for (; row <= t.Rows - 4; row += 4) Rows4<T, TSum, TA, TB>(t, row, column);
            for (; row <= t.Rows - 2; row += 2) Rows2<T, TSum, TA, TB>(t, row, column);
            for (; row < t.Rows; row++) Rows1<T, TSum, TA, TB>(t, row, column);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSum Begin<T, TSum, TA, TB>(in GemmU8S8.Tile t, int row, int column) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged =>
        t.Start == null ? default : T.Load(t.Start + row * t.StartStride + column);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows6<T, TSum, TA, TB>(in GemmU8S8.Tile t, int row, int column) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        TSum x0 = Begin<T, TSum, TA, TB>(t, row, column), y0 = Begin<T, TSum, TA, TB>(t, row, column + T.Lanes);
        TSum x1 = Begin<T, TSum, TA, TB>(t, row + 1, column), y1 = Begin<T, TSum, TA, TB>(t, row + 1, column + T.Lanes);
        TSum x2 = Begin<T, TSum, TA, TB>(t, row + 2, column), y2 = Begin<T, TSum, TA, TB>(t, row + 2, column + T.Lanes);
        TSum x3 = Begin<T, TSum, TA, TB>(t, row + 3, column), y3 = Begin<T, TSum, TA, TB>(t, row + 3, column + T.Lanes);
        TSum x4 = Begin<T, TSum, TA, TB>(t, row + 4, column), y4 = Begin<T, TSum, TA, TB>(t, row + 4, column + T.Lanes);
        TSum x5 = Begin<T, TSum, TA, TB>(t, row + 5, column), y5 = Begin<T, TSum, TA, TB>(t, row + 5, column + T.Lanes);
        nint stride = t.RowStride, step = 4 * (nint)t.Columns;
        byte* run = t.A + row * stride;
        sbyte* b = t.B + 4 * column;
        for (int s = t.Segments; s > 0; s--, run += t.SegmentStride)
        {
            byte* p = run, p3 = run + 3 * stride;
            for (int q = t.Quads; q > 0; q--, p += 4, p3 += 4, b += step)
            {
                TB bx = T.Columns(b), by = T.Columns(b + 4 * T.Lanes);
                TA a = T.Row(p);
                x0 = T.Add(x0, a, bx);
                y0 = T.Add(y0, a, by);
                a = T.Row(p + stride);
                x1 = T.Add(x1, a, bx);
                y1 = T.Add(y1, a, by);
                a = T.Row(p + 2 * stride);
                x2 = T.Add(x2, a, bx);
                y2 = T.Add(y2, a, by);
                a = T.Row(p3);
                x3 = T.Add(x3, a, bx);
                y3 = T.Add(y3, a, by);
                a = T.Row(p3 + stride);
                x4 = T.Add(x4, a, bx);
                y4 = T.Add(y4, a, by);
                a = T.Row(p3 + 2 * stride);
                x5 = T.Add(x5, a, bx);
                y5 = T.Add(y5, a, by);
            }
        }
        int* c = t.C + row * t.CStride + column;
        End<T, TSum, TA, TB>(x0, y0, c);
        End<T, TSum, TA, TB>(x1, y1, c + t.CStride);
        End<T, TSum, TA, TB>(x2, y2, c + 2 * t.CStride);
        End<T, TSum, TA, TB>(x3, y3, c + 3 * t.CStride);
        End<T, TSum, TA, TB>(x4, y4, c + 4 * t.CStride);
        End<T, TSum, TA, TB>(x5, y5, c + 5 * t.CStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<T, TSum, TA, TB>(in GemmU8S8.Tile t, int row, int column) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        TSum x0 = Begin<T, TSum, TA, TB>(t, row, column), y0 = Begin<T, TSum, TA, TB>(t, row, column + T.Lanes);
        TSum x1 = Begin<T, TSum, TA, TB>(t, row + 1, column), y1 = Begin<T, TSum, TA, TB>(t, row + 1, column + T.Lanes);
        TSum x2 = Begin<T, TSum, TA, TB>(t, row + 2, column), y2 = Begin<T, TSum, TA, TB>(t, row + 2, column + T.Lanes);
        TSum x3 = Begin<T, TSum, TA, TB>(t, row + 3, column), y3 = Begin<T, TSum, TA, TB>(t, row + 3, column + T.Lanes);
        nint stride = t.RowStride, step = 4 * (nint)t.Columns;
        byte* run = t.A + row * stride;
        sbyte* b = t.B + 4 * column;
        for (int s = t.Segments; s > 0; s--, run += t.SegmentStride)
        {
            byte* p = run, p2 = run + 2 * stride;
            for (int q = t.Quads; q > 0; q--, p += 4, p2 += 4, b += step)
            {
                TB bx = T.Columns(b), by = T.Columns(b + 4 * T.Lanes);
                TA a = T.Row(p);
                x0 = T.Add(x0, a, bx);
                y0 = T.Add(y0, a, by);
                a = T.Row(p + stride);
                x1 = T.Add(x1, a, bx);
                y1 = T.Add(y1, a, by);
                a = T.Row(p2);
                x2 = T.Add(x2, a, bx);
                y2 = T.Add(y2, a, by);
                a = T.Row(p2 + stride);
                x3 = T.Add(x3, a, bx);
                y3 = T.Add(y3, a, by);
            }
        }
        int* c = t.C + row * t.CStride + column;
        End<T, TSum, TA, TB>(x0, y0, c);
        End<T, TSum, TA, TB>(x1, y1, c + t.CStride);
        End<T, TSum, TA, TB>(x2, y2, c + 2 * t.CStride);
        End<T, TSum, TA, TB>(x3, y3, c + 3 * t.CStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2<T, TSum, TA, TB>(in GemmU8S8.Tile t, int row, int column) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        TSum x0 = Begin<T, TSum, TA, TB>(t, row, column), y0 = Begin<T, TSum, TA, TB>(t, row, column + T.Lanes);
        TSum x1 = Begin<T, TSum, TA, TB>(t, row + 1, column), y1 = Begin<T, TSum, TA, TB>(t, row + 1, column + T.Lanes);
        nint stride = t.RowStride, step = 4 * (nint)t.Columns;
        byte* run = t.A + row * stride;
        sbyte* b = t.B + 4 * column;
        for (int s = t.Segments; s > 0; s--, run += t.SegmentStride)
        {
            byte* p = run;
            for (int q = t.Quads; q > 0; q--, p += 4, b += step)
            {
                TB bx = T.Columns(b), by = T.Columns(b + 4 * T.Lanes);
                TA a = T.Row(p);
                x0 = T.Add(x0, a, bx);
                y0 = T.Add(y0, a, by);
                a = T.Row(p + stride);
                x1 = T.Add(x1, a, bx);
                y1 = T.Add(y1, a, by);
            }
        }
        int* c = t.C + row * t.CStride + column;
        End<T, TSum, TA, TB>(x0, y0, c);
        End<T, TSum, TA, TB>(x1, y1, c + t.CStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<T, TSum, TA, TB>(in GemmU8S8.Tile t, int row, int column) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        // Two sums would wait for each other: those of four quads take turns.
        TSum x0 = Begin<T, TSum, TA, TB>(t, row, column), y0 = Begin<T, TSum, TA, TB>(t, row, column + T.Lanes), x1 = default, y1 = default, x2 = default, y2 = default, x3 = default, y3 = default;
        nint step = 4 * (nint)t.Columns;
        byte* run = t.A + row * t.RowStride;
        sbyte* b = t.B + 4 * column;
        for (int s = t.Segments; s > 0; s--, run += t.SegmentStride)
        {
            byte* p = run;
            int q = t.Quads;
            for (; q >= 4; q -= 4, p += 16, b += 4 * step)
            {
                TA a = T.Row(p);
                x0 = T.Add(x0, a, T.Columns(b));
                y0 = T.Add(y0, a, T.Columns(b + 4 * T.Lanes));
                a = T.Row(p + 4);
                x1 = T.Add(x1, a, T.Columns(b + step));
                y1 = T.Add(y1, a, T.Columns(b + step + 4 * T.Lanes));
                a = T.Row(p + 8);
                x2 = T.Add(x2, a, T.Columns(b + 2 * step));
                y2 = T.Add(y2, a, T.Columns(b + 2 * step + 4 * T.Lanes));
                a = T.Row(p + 12);
                x3 = T.Add(x3, a, T.Columns(b + 3 * step));
                y3 = T.Add(y3, a, T.Columns(b + 3 * step + 4 * T.Lanes));
            }
            for (; q > 0; q--, p += 4, b += step)
            {
                TA a = T.Row(p);
                x0 = T.Add(x0, a, T.Columns(b));
                y0 = T.Add(y0, a, T.Columns(b + 4 * T.Lanes));
            }
        }
        TSum x = T.Plus(T.Plus(x0, x1), T.Plus(x2, x3)), y = T.Plus(T.Plus(y0, y1), T.Plus(y2, y3));
        End<T, TSum, TA, TB>(x, y, t.C + row * t.CStride + column);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void End<T, TSum, TA, TB>(TSum x, TSum y, int* c) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        T.Store(x, c);
        T.Store(y, c + T.Lanes);
    }
}
