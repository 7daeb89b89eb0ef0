using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>The loops of an f32 product of sparse panels for one vector width; see <see cref="GemmNmF32"/>.</summary>
internal static unsafe class NmPanelsF32
{
    /// <summary>N and M of the form: constants of a loop.</summary>
    internal interface IGroups
    {
        static abstract int N { get; }

        static abstract int M { get; }

        /// <summary>Bits of a position.</summary>
        static abstract int Bits { get; }

        /// <summary>Activations that four kept values come from.</summary>
        static abstract int Window { get; }
    }

    private readonly struct Groups1Of2 : IGroups
    {
        public static int N => 1;

        public static int M => 2;

        public static int Bits => 2;

        public static int Window => 8;
    }

    private readonly struct Groups1Of4 : IGroups
    {
        public static int N => 1;

        public static int M => 4;

        public static int Bits => 2;

        public static int Window => 16;
    }

    private readonly struct Groups2Of4 : IGroups
    {
        public static int N => 2;

        public static int M => 4;

        public static int Bits => 2;

        public static int Window => 8;
    }

    private readonly struct Groups2Of8 : IGroups
    {
        public static int N => 2;

        public static int M => 8;

        public static int Bits => 4;

        public static int Window => 16;
    }

    private readonly struct Groups4Of8 : IGroups
    {
        public static int N => 4;

        public static int M => 8;

        public static int Bits => 4;

        public static int Window => 8;
    }

    // Floats ahead of what is read of a single row's weights, which come from memory.
    private const int Ahead = 1024;

    public static void Run<T, TV, TI>(in GemmNmF32.Tile t) where T : struct, INmF32<TV, TI> where TV : unmanaged where TI : unmanaged
    {
        switch (t.Form)
        {
            case { N: 1, M: 2 }: Rows<T, Groups1Of2, TV, TI>(t); break;
            case { N: 1, M: 4 }: Rows<T, Groups1Of4, TV, TI>(t); break;
            case { N: 2, M: 4 }: Rows<T, Groups2Of4, TV, TI>(t); break;
            case { N: 2, M: 8 }: Rows<T, Groups2Of8, TV, TI>(t); break;
            default: Rows<T, Groups4Of8, TV, TI>(t); break;
        }
    }

    private static void Rows<T, F, TV, TI>(in GemmNmF32.Tile t) where T : struct, INmF32<TV, TI> where F : struct, IGroups where TV : unmanaged where TI : unmanaged
    {
        for (int column = 0; column < t.Columns; column += 2 * T.Lanes)
        {
            int row = 0;
            for (; row <= t.Rows - 4; row += 4) Rows4<T, F, TV, TI>(t, row, column);
            for (; row < t.Rows; row++) Rows1<T, F, TV, TI>(t, row, column);
        }
    }

    /// <summary>Two vectors of columns: positions and values serve all rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<T, F, TV, TI>(in GemmNmF32.Tile t, int row, int column) where T : struct, INmF32<TV, TI> where F : struct, IGroups where TV : unmanaged where TI : unmanaged
    {
        nint stride = t.RowStride, step = t.Columns;
        float* p = t.A + row * stride, b = t.B + column, c = t.C + row * t.CStride + column;
        TV x0 = t.Accumulate ? T.Load(c) : default, y0 = t.Accumulate ? T.Load(c + T.Lanes) : default;
        TV x1 = t.Accumulate ? T.Load(c + t.CStride) : default, y1 = t.Accumulate ? T.Load(c + t.CStride + T.Lanes) : default;
        TV x2 = t.Accumulate ? T.Load(c + 2 * t.CStride) : default, y2 = t.Accumulate ? T.Load(c + 2 * t.CStride + T.Lanes) : default;
        TV x3 = t.Accumulate ? T.Load(c + 3 * t.CStride) : default, y3 = t.Accumulate ? T.Load(c + 3 * t.CStride + T.Lanes) : default;
        for (int left = t.Quads; left > 0;)
        {
            TI ix = T.Positions(b), iy = T.Positions(b + T.Lanes);
            int fields = Math.Min(left, 8 / F.Bits);
            left -= fields;
            b += step;
            for (int end = 4 * fields, i = 0; i < end; i++, b += step)
            {
                float* from = p + i / 4 * F.Window + i % 4 / F.N * F.M, from2 = from + 2 * stride;
                TV wx = T.Load(b), wy = T.Load(b + T.Lanes);
                TV a = T.Window<F>(from);
                x0 = T.MultiplyAdd(T.Permute<F>(a, ix), wx, x0);
                y0 = T.MultiplyAdd(T.Permute<F>(a, iy), wy, y0);
                a = T.Window<F>(from + stride);
                x1 = T.MultiplyAdd(T.Permute<F>(a, ix), wx, x1);
                y1 = T.MultiplyAdd(T.Permute<F>(a, iy), wy, y1);
                a = T.Window<F>(from2);
                x2 = T.MultiplyAdd(T.Permute<F>(a, ix), wx, x2);
                y2 = T.MultiplyAdd(T.Permute<F>(a, iy), wy, y2);
                a = T.Window<F>(from2 + stride);
                x3 = T.MultiplyAdd(T.Permute<F>(a, ix), wx, x3);
                y3 = T.MultiplyAdd(T.Permute<F>(a, iy), wy, y3);
                ix = T.Next(ix, F.Bits);
                iy = T.Next(iy, F.Bits);
            }
            p += fields * F.Window;
        }
        T.Store(x0, c);
        T.Store(y0, c + T.Lanes);
        T.Store(x1, c + t.CStride);
        T.Store(y1, c + t.CStride + T.Lanes);
        T.Store(x2, c + 2 * t.CStride);
        T.Store(y2, c + 2 * t.CStride + T.Lanes);
        T.Store(x3, c + 3 * t.CStride);
        T.Store(y3, c + 3 * t.CStride + T.Lanes);
    }

    /// <summary>Sums of values by turns: one would wait for itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<T, F, TV, TI>(in GemmNmF32.Tile t, int row, int column) where T : struct, INmF32<TV, TI> where F : struct, IGroups where TV : unmanaged where TI : unmanaged
    {
        nint stride = t.RowStride, step = t.Columns;
        float* p = t.A + row * stride, b = t.B + column, c = t.C + row * t.CStride + column;
        TV x0 = t.Accumulate ? T.Load(c) : default, y0 = t.Accumulate ? T.Load(c + T.Lanes) : default;
        TV u = default, v = default;
        for (int left = t.Quads; left > 0;)
        {
            TI ix = T.Positions(b), iy = T.Positions(b + T.Lanes);
            int fields = Math.Min(left, 8 / F.Bits);
            left -= fields;
            for (b += step; fields > 0; fields--, b += 4 * step, p += F.Window)
            {
                T.Prefetch(b + Ahead);
                T.Prefetch(b + Ahead + step);
                TV wx = T.Load(b), wy = T.Load(b + T.Lanes);
                TV a = T.Window<F>(p);
                x0 = T.MultiplyAdd(T.Permute<F>(a, ix), wx, x0);
                y0 = T.MultiplyAdd(T.Permute<F>(a, iy), wy, y0);
                ix = T.Next(ix, F.Bits);
                iy = T.Next(iy, F.Bits);
                wx = T.Load(b + step);
                wy = T.Load(b + step + T.Lanes);
                a = T.Window<F>(p + 1 / F.N * F.M);
                u = T.MultiplyAdd(T.Permute<F>(a, ix), wx, u);
                v = T.MultiplyAdd(T.Permute<F>(a, iy), wy, v);
                ix = T.Next(ix, F.Bits);
                iy = T.Next(iy, F.Bits);
                T.Prefetch(b + 2 * step + Ahead);
                T.Prefetch(b + 2 * step + Ahead + step);
                wx = T.Load(b + 2 * step);
                wy = T.Load(b + 2 * step + T.Lanes);
                a = T.Window<F>(p + 2 / F.N * F.M);
                x0 = T.MultiplyAdd(T.Permute<F>(a, ix), wx, x0);
                y0 = T.MultiplyAdd(T.Permute<F>(a, iy), wy, y0);
                ix = T.Next(ix, F.Bits);
                iy = T.Next(iy, F.Bits);
                wx = T.Load(b + 3 * step);
                wy = T.Load(b + 3 * step + T.Lanes);
                a = T.Window<F>(p + 3 / F.N * F.M);
                u = T.MultiplyAdd(T.Permute<F>(a, ix), wx, u);
                v = T.MultiplyAdd(T.Permute<F>(a, iy), wy, v);
                ix = T.Next(ix, F.Bits);
                iy = T.Next(iy, F.Bits);
            }
        }
        T.Store(T.Add(x0, u), c);
        T.Store(T.Add(y0, v), c + T.Lanes);
    }
}
