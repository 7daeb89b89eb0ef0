using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

public static unsafe partial class ShiftProduct
{
    /// <summary>
    /// One register tile: c[i, j] = Σ a[i, k]·b[k, j] for up to 8 rows and 16 columns. Rows of A are i16 with pairs of k together; B is a
    /// panel [pairs, 16, 2]. C is [8, 16]; rows beyond <paramref name="rows"/> are undefined.
    /// </summary>
    public delegate void TileFn(short* a, nint rowStride, int rows, short* b, int pairs, int* c);

    /// <summary>Rows and columns of a tile.</summary>
    public const int TileRows = 8, TileColumns = 16;

    /// <summary>Best first. B holds values of 8 bits, so that a pair of products fits an i32 and vpmaddwd is exact.</summary>
    public static KernelTable<TileFn> Table { get; } = new("shift-product",
        new("avx512", Avx512BW.IsSupported, TileAvx512),
        new("avx2", Avx2.IsSupported, TileAvx2),
        new("scalar", true, TileScalar));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Pair(short* a) => Unsafe.ReadUnaligned<int>(a);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx512(short* a, nint rowStride, int rows, short* b, int pairs, int* c)
    {
        if (rows > 4)
        {
            Rows8(a, rowStride, rows, b, pairs, c);
            return;
        }
        for (int i = 0; i < rows; i++)
        {
            var sum = Vector512<int>.Zero;
            short* r = a + i * rowStride;
            for (int p = 0; p < pairs; p++)
                sum += Avx512BW.MultiplyAddAdjacent(Vector512.Create(Pair(r + 2 * p)).AsInt16(), Vector512.Load(b + 32 * p));
            sum.Store(c + 16 * i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rows8(short* a, nint rowStride, int rows, short* b, int pairs, int* c)
    {
        // Missing rows repeat the last one: their sums are not used.
        short* a0 = a, a1 = a + rowStride, a2 = a1 + rowStride, a3 = a2 + rowStride, a4 = a3 + rowStride;
        short* a5 = a + Math.Min(5, rows - 1) * rowStride, a6 = a + Math.Min(6, rows - 1) * rowStride, a7 = a + Math.Min(7, rows - 1) * rowStride;
        Vector512<int> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        for (int p = 0; p < pairs; p++)
        {
            var v = Vector512.Load(b + 32 * p);
            int k = 2 * p;
            c0 += Avx512BW.MultiplyAddAdjacent(Vector512.Create(Pair(a0 + k)).AsInt16(), v);
            c1 += Avx512BW.MultiplyAddAdjacent(Vector512.Create(Pair(a1 + k)).AsInt16(), v);
            c2 += Avx512BW.MultiplyAddAdjacent(Vector512.Create(Pair(a2 + k)).AsInt16(), v);
            c3 += Avx512BW.MultiplyAddAdjacent(Vector512.Create(Pair(a3 + k)).AsInt16(), v);
            c4 += Avx512BW.MultiplyAddAdjacent(Vector512.Create(Pair(a4 + k)).AsInt16(), v);
            c5 += Avx512BW.MultiplyAddAdjacent(Vector512.Create(Pair(a5 + k)).AsInt16(), v);
            c6 += Avx512BW.MultiplyAddAdjacent(Vector512.Create(Pair(a6 + k)).AsInt16(), v);
            c7 += Avx512BW.MultiplyAddAdjacent(Vector512.Create(Pair(a7 + k)).AsInt16(), v);
        }
        c0.Store(c);
        c1.Store(c + 16);
        c2.Store(c + 32);
        c3.Store(c + 48);
        c4.Store(c + 64);
        c5.Store(c + 80);
        c6.Store(c + 96);
        c7.Store(c + 112);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx2(short* a, nint rowStride, int rows, short* b, int pairs, int* c)
    {
        for (int i = 0; i < rows; i += 4)
        {
            short* a0 = a + i * rowStride, a1 = a + Math.Min(i + 1, rows - 1) * rowStride, a2 = a + Math.Min(i + 2, rows - 1) * rowStride, a3 = a + Math.Min(i + 3, rows - 1) * rowStride;
            Vector256<int> x0 = default, y0 = default, x1 = default, y1 = default, x2 = default, y2 = default, x3 = default, y3 = default;
            for (int p = 0; p < pairs; p++)
            {
                var (x, y) = (Vector256.Load(b + 32 * p), Vector256.Load(b + 32 * p + 16));
                int k = 2 * p;
                var v = Vector256.Create(Pair(a0 + k)).AsInt16();
                x0 += Avx2.MultiplyAddAdjacent(v, x);
                y0 += Avx2.MultiplyAddAdjacent(v, y);
                v = Vector256.Create(Pair(a1 + k)).AsInt16();
                x1 += Avx2.MultiplyAddAdjacent(v, x);
                y1 += Avx2.MultiplyAddAdjacent(v, y);
                v = Vector256.Create(Pair(a2 + k)).AsInt16();
                x2 += Avx2.MultiplyAddAdjacent(v, x);
                y2 += Avx2.MultiplyAddAdjacent(v, y);
                v = Vector256.Create(Pair(a3 + k)).AsInt16();
                x3 += Avx2.MultiplyAddAdjacent(v, x);
                y3 += Avx2.MultiplyAddAdjacent(v, y);
            }
            int* to = c + 16 * i;
            x0.Store(to);
            y0.Store(to + 8);
            x1.Store(to + 16);
            y1.Store(to + 24);
            x2.Store(to + 32);
            y2.Store(to + 40);
            x3.Store(to + 48);
            y3.Store(to + 56);
        }
    }

    private static void TileScalar(short* a, nint rowStride, int rows, short* b, int pairs, int* c)
    {
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < TileColumns; j++)
            {
                int sum = 0;
                for (int k = 0; k < 2 * pairs; k++) sum = unchecked(sum + a[i * rowStride + k] * b[(k >> 1) * 32 + 2 * j + (k & 1)]);
                c[16 * i + j] = sum;
            }
    }
}
