using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

public static unsafe partial class GemmF32
{
    /// <summary>
    /// One register tile: C[8, Width] (+)= A[8, Depth]·B[Depth, Width]. With Rows = 1 only row 0 of C is written; else, with fewer than 4 or
    /// 8, the last row of A stands in for the missing ones and all 4 or 8 rows of C are written.
    /// </summary>
    public readonly struct Tile(float* a, nint rowStride, nint columnStride, int rows, float* b, int width, int depth, float* c, nint ldc, bool accumulate, float* next = null)
    {
        /// <summary>Element (0, 0) of A.</summary>
        public readonly float* A = a;

        /// <summary>Floats from a row, and from a column of A to the next, and from a row of C to the next.</summary>
        public readonly nint RowStride = rowStride, ColumnStride = columnStride, Ldc = ldc;

        /// <summary>Rows of A that are there; columns of B; length of the sums.</summary>
        public readonly int Rows = rows, Width = width, Depth = depth;

        /// <summary>Packed B: rows of Width floats.</summary>
        public readonly float* B = b;

        /// <summary>Element (0, 0) of C.</summary>
        public readonly float* C = c;

        /// <summary>True to add to C, false to overwrite it.</summary>
        public readonly bool Accumulate = accumulate;

        /// <summary>Depth cache lines to fetch meanwhile, or null: a share of the B that comes next.</summary>
        public readonly float* Next = next;

        /// <summary>Row <paramref name="i"/> of A, or the last one.</summary>
        public float* Row(int i) => A + Math.Min(i, Rows - 1) * RowStride;
    }

    /// <summary>Computes a tile.</summary>
    public delegate void TileFn(in Tile t);

    /// <summary>Best first: 24 of 32 zmm accumulate; 8 of 16 ymm; as many xmm; the reference sums in double.</summary>
    public static KernelTable<TileFn> Table { get; } = new("gemm-f32",
        new("avx512", Avx512F.IsSupported, TileAvx512),
        new("avx2", F32x8.IsSupported, TileAvx2),
        new("vector", F32x4.IsSupported, TileVector),
        new("scalar", true, TileScalar));

    // Floats of a cache line.
    private const int CacheLine = 16;

    private interface IVectors { static abstract int Count { get; } }
    private readonly struct One : IVectors { public static int Count => 1; }
    private readonly struct Two : IVectors { public static int Count => 2; }
    private readonly struct Three : IVectors { public static int Count => 3; }

    private static void TileAvx512(in Tile t)
    {
        switch (t.Width, t.Rows)
        {
            case (48, 1): RowAvx512<Three>(t); break;
            case (32, 1): RowAvx512<Two>(t); break;
            case (16, 1): RowAvx512<One>(t); break;
            case (48, <= HalfRows): HalfAvx512<Three>(t); break;
            case (32, <= HalfRows): HalfAvx512<Two>(t); break;
            case (16, <= HalfRows): HalfAvx512<One>(t); break;
            case (48, _): TileAvx512<Three>(t); break;
            case (32, _): TileAvx512<Two>(t); break;
            default: TileAvx512<One>(t); break;
        }
    }

    /// <summary>Up to 48 columns of one row of C. Three fields at most, so that the JIT keeps them in registers.</summary>
    private struct Row512<TVectors> where TVectors : struct, IVectors
    {
        public Vector512<float> X, Y, Z;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(float a, Vector512<float> x, Vector512<float> y, Vector512<float> z)
        {
            var v = Vector512.Create(a);
            X = Vector512.FusedMultiplyAdd(v, x, X);
            if (TVectors.Count > 1) Y = Vector512.FusedMultiplyAdd(v, y, Y);
            if (TVectors.Count > 2) Z = Vector512.FusedMultiplyAdd(v, z, Z);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Row512<TVectors> Plus(Row512<TVectors> o) => new() { X = X + o.X, Y = Y + o.Y, Z = Z + o.Z };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* c, bool accumulate)
        {
            (accumulate ? Vector512.Load(c) + X : X).Store(c);
            if (TVectors.Count > 1) (accumulate ? Vector512.Load(c + 16) + Y : Y).Store(c + 16);
            if (TVectors.Count > 2) (accumulate ? Vector512.Load(c + 32) + Z : Z).Store(c + 32);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Lane<TVectors>(float* b, int i) where TVectors : struct, IVectors => i < TVectors.Count ? Vector512.Load(b + 16 * i) : default;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx512<TVectors>(in Tile t) where TVectors : struct, IVectors
    {
        float* a0 = t.Row(0), a1 = t.Row(1), a2 = t.Row(2), a3 = t.Row(3), a4 = t.Row(4), a5 = t.Row(5), a6 = t.Row(6), a7 = t.Row(7);
        // The sums meet C at the end: its lines are fetched meanwhile.
        if (t.Accumulate)
            for (int i = 0; i < TileRows; i++)
                for (int j = 0; j < TVectors.Count; j++) Sse.Prefetch0(t.C + i * t.Ldc + 16 * j);
        Row512<TVectors> r0 = default, r1 = default, r2 = default, r3 = default, r4 = default, r5 = default, r6 = default, r7 = default;
        float* b = t.B, end = b + (nint)t.Depth * 16 * TVectors.Count;
        nint at = 0, step = t.ColumnStride, ahead = t.Next is null ? 0 : CacheLine;
        float* next = t.Next is null ? b : t.Next;
        for (; b < end; b += 16 * TVectors.Count, at += step, next += ahead)
        {
            Sse.Prefetch1(next);
            Vector512<float> x = Lane<TVectors>(b, 0), y = Lane<TVectors>(b, 1), z = Lane<TVectors>(b, 2);
            r0.Add(a0[at], x, y, z);
            r1.Add(a1[at], x, y, z);
            r2.Add(a2[at], x, y, z);
            r3.Add(a3[at], x, y, z);
            r4.Add(a4[at], x, y, z);
            r5.Add(a5[at], x, y, z);
            r6.Add(a6[at], x, y, z);
            r7.Add(a7[at], x, y, z);
        }
        float* c = t.C;
        nint ldc = t.Ldc;
        bool accumulate = t.Accumulate;
        r0.Store(c, accumulate);
        r1.Store(c += ldc, accumulate);
        r2.Store(c += ldc, accumulate);
        r3.Store(c += ldc, accumulate);
        r4.Store(c += ldc, accumulate);
        r5.Store(c += ldc, accumulate);
        r6.Store(c += ldc, accumulate);
        r7.Store(c += ldc, accumulate);
    }

    // Half the rows in half the time.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HalfAvx512<TVectors>(in Tile t) where TVectors : struct, IVectors
    {
        float* a0 = t.Row(0), a1 = t.Row(1), a2 = t.Row(2), a3 = t.Row(3);
        Row512<TVectors> r0 = default, r1 = default, r2 = default, r3 = default;
        float* b = t.B, end = b + (nint)t.Depth * 16 * TVectors.Count;
        nint at = 0, step = t.ColumnStride;
        for (; b < end; b += 16 * TVectors.Count, at += step)
        {
            Vector512<float> x = Lane<TVectors>(b, 0), y = Lane<TVectors>(b, 1), z = Lane<TVectors>(b, 2);
            r0.Add(a0[at], x, y, z);
            r1.Add(a1[at], x, y, z);
            r2.Add(a2[at], x, y, z);
            r3.Add(a3[at], x, y, z);
        }
        r0.Store(t.C, t.Accumulate);
        r1.Store(t.C + t.Ldc, t.Accumulate);
        r2.Store(t.C + 2 * t.Ldc, t.Accumulate);
        r3.Store(t.C + 3 * t.Ldc, t.Accumulate);
    }

    // One row: four steps of k at once, because three accumulators alone would wait for each other.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowAvx512<TVectors>(in Tile t) where TVectors : struct, IVectors
    {
        Row512<TVectors> r0 = default, r1 = default, r2 = default, r3 = default;
        const int W = 16;
        float* b = t.B, a = t.A;
        nint step = t.ColumnStride, row = W * TVectors.Count;
        int k = 0;
        for (; k + 4 <= t.Depth; k += 4, a += 4 * step, b += 4 * row)
        {
            r0.Add(a[0], Lane<TVectors>(b, 0), Lane<TVectors>(b, 1), Lane<TVectors>(b, 2));
            r1.Add(a[step], Lane<TVectors>(b + row, 0), Lane<TVectors>(b + row, 1), Lane<TVectors>(b + row, 2));
            r2.Add(a[2 * step], Lane<TVectors>(b + 2 * row, 0), Lane<TVectors>(b + 2 * row, 1), Lane<TVectors>(b + 2 * row, 2));
            r3.Add(a[3 * step], Lane<TVectors>(b + 3 * row, 0), Lane<TVectors>(b + 3 * row, 1), Lane<TVectors>(b + 3 * row, 2));
        }
        for (; k < t.Depth; k++, a += step, b += row) r0.Add(a[0], Lane<TVectors>(b, 0), Lane<TVectors>(b, 1), Lane<TVectors>(b, 2));
        r0.Plus(r1).Plus(r2.Plus(r3)).Store(t.C, t.Accumulate);
    }

    private static void TileAvx2(in Tile t) => Strips<F32x8>(t);

    private static void TileVector(in Tile t) => Strips<F32x4>(t);

    private static void Strips<TV>(in Tile t) where TV : unmanaged, IF32Vector<TV>
    {
        for (int column = 0; column < t.Width; column += 2 * TV.Count)
            if (t.Rows == 1) Row<TV>(t, column);
            else
                for (int row = 0; row < t.Rows; row += HalfRows) Strip<TV>(t, row, column);
    }

    private struct Pair<TV> where TV : unmanaged, IF32Vector<TV>
    {
        public TV X, Y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(float a, TV x, TV y)
        {
            var v = TV.Of(a);
            X.AddProduct(v, x);
            Y.AddProduct(v, y);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Pair<TV> Plus(Pair<TV> o) => new() { X = X + o.X, Y = Y + o.Y };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* c, bool accumulate)
        {
            (accumulate ? TV.Load(c) + X : X).Store(c);
            (accumulate ? TV.Load(c + TV.Count) + Y : Y).Store(c + TV.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Strip<TV>(in Tile t, int row, int column) where TV : unmanaged, IF32Vector<TV>
    {
        float* a0 = t.Row(row), a1 = t.Row(row + 1), a2 = t.Row(row + 2), a3 = t.Row(row + 3), b = t.B + column;
        Pair<TV> r0 = default, r1 = default, r2 = default, r3 = default;
        nint at = 0, step = t.ColumnStride, width = t.Width;
        for (int k = t.Depth; k > 0; k--, at += step, b += width)
        {
            TV x = TV.Load(b), y = TV.Load(b + TV.Count);
            r0.Add(a0[at], x, y);
            r1.Add(a1[at], x, y);
            r2.Add(a2[at], x, y);
            r3.Add(a3[at], x, y);
        }
        float* c = t.C + row * t.Ldc + column;
        r0.Store(c, t.Accumulate);
        r1.Store(c + t.Ldc, t.Accumulate);
        r2.Store(c + 2 * t.Ldc, t.Accumulate);
        r3.Store(c + 3 * t.Ldc, t.Accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row<TV>(in Tile t, int column) where TV : unmanaged, IF32Vector<TV>
    {
        Pair<TV> r0 = default, r1 = default, r2 = default, r3 = default;
        float* a = t.A, b = t.B + column;
        nint step = t.ColumnStride, width = t.Width;
        int k = 0;
        for (; k + 4 <= t.Depth; k += 4, a += 4 * step, b += 4 * width)
        {
            r0.Add(a[0], TV.Load(b), TV.Load(b + TV.Count));
            r1.Add(a[step], TV.Load(b + width), TV.Load(b + width + TV.Count));
            r2.Add(a[2 * step], TV.Load(b + 2 * width), TV.Load(b + 2 * width + TV.Count));
            r3.Add(a[3 * step], TV.Load(b + 3 * width), TV.Load(b + 3 * width + TV.Count));
        }
        for (; k < t.Depth; k++, a += step, b += width) r0.Add(a[0], TV.Load(b), TV.Load(b + TV.Count));
        r0.Plus(r1).Plus(r2.Plus(r3)).Store(t.C + column, t.Accumulate);
    }

    private static void TileScalar(in Tile t)
    {
        int rows = t.Rows == 1 ? 1 : t.Rows <= HalfRows ? HalfRows : TileRows;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < t.Width; j++)
            {
                float* a = t.Row(i);
                double sum = 0;
                for (int k = 0; k < t.Depth; k++) sum += (double)a[k * t.ColumnStride] * t.B[k * t.Width + j];
                float* c = t.C + i * t.Ldc + j;
                *c = t.Accumulate ? *c + (float)sum : (float)sum;
            }
    }
}
