using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// y = W · x for a W in SpQR tiles (<see cref="Tensors.SpqrTiles"/>) and f32 x: Σ s (q − z) x = s (Σ q x − z Σ x) a row of a tile, all sixteen rows of a tile at once.
/// </summary>
public static unsafe class SpqrMatVec
{
    private const int Tile = 16;

    /// <summary>
    /// One row of <paramref name="tiles"/> tiles: y[0..16] = Σ over them, written. <paramref name="x"/> has 16 elements a tile, zero past the last column;
    /// <paramref name="sums"/> their sum for each tile.
    /// </summary>
    public delegate void Fn(ulong* words, int tiles, float* x, float* sums, float* y);

    /// <summary>Best first; the reference computes in double.</summary>
    public static KernelTable<Fn> Table { get; } = new("spqr-matvec",
        new("avx512", Avx512F.IsSupported && Vector512.IsHardwareAccelerated, RowAvx512),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, RowAvx2),
        new("scalar", true, RowScalar));

    /// <summary>Floats of workspace for <see cref="Run"/>.</summary>
    public static long WorkLength(int columns) => Tensors.Checked.AlignUp(columns, Tile) / Tile * (Tile + 1);

    /// <summary>y[rows] = W · x[columns].</summary>
    public static void Run(Workers workers, int rows, int columns, ulong* words, float* x, float* work, float* y)
    {
        int tiles = (columns + Tile - 1) / Tile;
        float* sums = work + (nint)tiles * Tile;
        new ReadOnlySpan<float>(x, columns).CopyTo(new Span<float>(work, tiles * Tile));
        new Span<float>(work + columns, tiles * Tile - columns).Clear();
        for (int t = 0; t < tiles; t++)
        {
            float sum = 0;
            for (int i = 0; i < Tile; i++) sum += work[t * Tile + i];
            sums[t] = sum;
        }
        workers.For((rows + Tile - 1) / Tile, Math.Max(1, 512 / Math.Max(1, tiles)), new Body(rows, tiles, words, work, sums, y));
    }

    private readonly struct Body(int rows, int tiles, ulong* words, float* x, float* sums, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var row = Table.Best;
            float* last = stackalloc float[Tile];
            for (int r = start; r < end; r++)
            {
                bool whole = (r + 1) * Tile <= rows;
                float* to = whole ? y + (nint)r * Tile : last;
                row(words + (nint)r * tiles * Tile, tiles, x, sums, to);
                if (!whole) new ReadOnlySpan<float>(last, rows - r * Tile).CopyTo(new Span<float>(y + (nint)r * Tile, Tile));
            }
        }
    }

    // Scale and zero point of the scales, then of the zero points: the top bytes of the first eight words.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Parameters(ulong* words)
    {
        ulong bits = 0;
        for (int r = 0; r < 8; r++) bits |= (words[r] >> 54 & 0xff) << (8 * r);
        return bits;
    }

    // Four f16, finite, to f32: the exponent's bias is off by 112, which a product by 2^112 repairs for subnormals too.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Widen(Vector128<ulong> halves)
    {
        var h = Vector128.WidenLower(halves.AsUInt16());
        var magnitude = Vector128.ShiftLeft(h & Vector128.Create(0x7fffu), 13).AsSingle() * Vector128.Create(0x77800000).AsSingle();
        return (magnitude.AsUInt32() | Vector128.ShiftLeft(h & Vector128.Create(0x8000u), 16)).AsSingle();
    }

    private static void RowScalar(ulong* words, int tiles, float* x, float* sums, float* y)
    {
        double* total = stackalloc double[Tile];
        new Span<double>(total, Tile).Clear();
        for (int t = 0; t < tiles; t++, words += Tile, x += Tile)
        {
            var p = Widen(Vector128.CreateScalar(Parameters(words)));
            for (int r = 0; r < Tile; r++)
            {
                ulong w = words[r];
                float s = p[0] * ((w & 7) - p[1]), z = p[2] * ((w >> 3 & 7) - p[3]);
                for (int k = 0; k < Tile; k++) total[r] += (double)(s * ((w >> (6 + 3 * k) & 7) - z)) * x[k];
            }
        }
        for (int r = 0; r < Tile; r++) y[r] = (float)total[r];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowAvx512(ulong* words, int tiles, float* x, float* sums, float* y)
    {
        // A code with one bit of its neighbour indexes the sixteen lanes, so that none is masked away.
        var values = Vector512.Create(0f, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7);
        var even = Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        var total = Vector512<float>.Zero;
        for (int t = 0; t < tiles; t++, words += Tile, x += Tile)
        {
            Vector512<ulong> a = Vector512.Load(words), b = Vector512.Load(words + 8);
            // Bits 0 to 31, and 30 to 61: eight codes each.
            var low = Avx512F.PermuteVar16x32x2(a.AsInt32(), even, b.AsInt32());
            var high = Avx512F.PermuteVar16x32x2((a >>> 30).AsInt32(), even, (b >>> 30).AsInt32());
            var p = Widen(Avx512F.ConvertToVector128Byte(a >>> 54).AsUInt64());
            var s = (Avx512F.PermuteVar16x32(values, low) - Vector512.Create(p[1])) * Vector512.Create(p[0]);
            var z = (Avx512F.PermuteVar16x32(values, low >>> 3) - Vector512.Create(p[3])) * Vector512.Create(p[2]);
            var c = Avx512F.PermuteVar16x32(values, low >>> 6) * Vector512.Create(x[0]);
            var d = Avx512F.PermuteVar16x32(values, high) * Vector512.Create(x[8]);
            c = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, low >>> 9), Vector512.Create(x[1]), c);
            d = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, high >>> 3), Vector512.Create(x[9]), d);
            c = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, low >>> 12), Vector512.Create(x[2]), c);
            d = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, high >>> 6), Vector512.Create(x[10]), d);
            c = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, low >>> 15), Vector512.Create(x[3]), c);
            d = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, high >>> 9), Vector512.Create(x[11]), d);
            c = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, low >>> 18), Vector512.Create(x[4]), c);
            d = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, high >>> 12), Vector512.Create(x[12]), d);
            c = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, low >>> 21), Vector512.Create(x[5]), c);
            d = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, high >>> 15), Vector512.Create(x[13]), d);
            c = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, low >>> 24), Vector512.Create(x[6]), c);
            d = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, high >>> 18), Vector512.Create(x[14]), d);
            c = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, low >>> 27), Vector512.Create(x[7]), c);
            d = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(values, high >>> 21), Vector512.Create(x[15]), d);
            total = Avx512F.FusedMultiplyAdd(s, c + d - z * Vector512.Create(sums[t]), total);
        }
        total.Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowAvx2(ulong* words, int tiles, float* x, float* sums, float* y)
    {
        Vector256<float> first = default, second = default;
        for (int t = 0; t < tiles; t++, words += Tile, x += Tile)
        {
            var p = Widen(Vector128.CreateScalar(Parameters(words)));
            first = EightRows(words, p, x, sums[t], first);
            second = EightRows(words + 8, p, x, sums[t], second);
        }
        first.Store(y);
        second.Store(y + 8);
    }

    // Eight rows of a tile.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> EightRows(ulong* words, Vector128<float> p, float* x, float sum, Vector256<float> total)
    {
        var values = Vector256.Create(0f, 1, 2, 3, 4, 5, 6, 7);
        Vector256<ulong> a = Vector256.Load(words), b = Vector256.Load(words + 4);
        Vector256<int> low = Even(a, b), high = Even(a >>> 30, b >>> 30);
        var s = (Code(values, low) - Vector256.Create(p[1])) * Vector256.Create(p[0]);
        var z = (Code(values, low >>> 3) - Vector256.Create(p[3])) * Vector256.Create(p[2]);
        var c = Code(values, low >>> 6) * Vector256.Create(x[0]);
        var d = Code(values, high) * Vector256.Create(x[8]);
        c = Fma.MultiplyAdd(Code(values, low >>> 9), Vector256.Create(x[1]), c);
        d = Fma.MultiplyAdd(Code(values, high >>> 3), Vector256.Create(x[9]), d);
        c = Fma.MultiplyAdd(Code(values, low >>> 12), Vector256.Create(x[2]), c);
        d = Fma.MultiplyAdd(Code(values, high >>> 6), Vector256.Create(x[10]), d);
        c = Fma.MultiplyAdd(Code(values, low >>> 15), Vector256.Create(x[3]), c);
        d = Fma.MultiplyAdd(Code(values, high >>> 9), Vector256.Create(x[11]), d);
        c = Fma.MultiplyAdd(Code(values, low >>> 18), Vector256.Create(x[4]), c);
        d = Fma.MultiplyAdd(Code(values, high >>> 12), Vector256.Create(x[12]), d);
        c = Fma.MultiplyAdd(Code(values, low >>> 21), Vector256.Create(x[5]), c);
        d = Fma.MultiplyAdd(Code(values, high >>> 15), Vector256.Create(x[13]), d);
        c = Fma.MultiplyAdd(Code(values, low >>> 24), Vector256.Create(x[6]), c);
        d = Fma.MultiplyAdd(Code(values, high >>> 18), Vector256.Create(x[14]), d);
        c = Fma.MultiplyAdd(Code(values, low >>> 27), Vector256.Create(x[7]), c);
        d = Fma.MultiplyAdd(Code(values, high >>> 21), Vector256.Create(x[15]), d);
        return Fma.MultiplyAdd(s, c + d - z * Vector256.Create(sum), total);
    }

    // Only the low three bits of an index count.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Code(Vector256<float> values, Vector256<int> codes) => Avx2.PermuteVar8x32(values, codes);

    // The low halves of eight words.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Even(Vector256<ulong> a, Vector256<ulong> b) =>
        Avx2.Permute4x64(Avx.Shuffle(a.AsSingle(), b.AsSingle(), 0b10_00_10_00).AsInt64(), 0b11_01_10_00).AsInt32();
}
