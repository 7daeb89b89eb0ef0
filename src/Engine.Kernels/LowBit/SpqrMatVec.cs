using System.Diagnostics.CodeAnalysis;
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

    // Words shifted right by so much hold codes 0 to 4, 5 to 11 and 12 to 15 in the lowest 21 bits of their lower halves.
    private const int Second = 21, Third = 42;

    // Where each code of a word begins in these bits. A code is not moved from there: under the exponent of 2^23 it becomes 2^23 + q · 2^place, and x is divided by 2^place beforehand.
    private static ReadOnlySpan<byte> Places => [6, 9, 12, 15, 18, 0, 3, 6, 9, 12, 15, 18, 0, 3, 6, 9];

    /// <summary>
    /// One row of <paramref name="tiles"/> tiles: y[0..16] = Σ over them, written. <paramref name="x"/> and <paramref name="sums"/> are as <see cref="Prepare"/> makes them.
    /// </summary>
    public delegate void Fn(ulong* words, int tiles, float* x, float* sums, float* y);

    /// <summary>Best first; the reference computes in double.</summary>
    public static KernelTable<Fn> Table { get; } = new("spqr-matvec",
        new("avx512", Avx512F.IsSupported && Vector512.IsHardwareAccelerated, RowAvx512),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, RowAvx2),
        new("scalar", true, RowScalar));

    /// <summary>Floats of workspace for <see cref="Run"/>.</summary>
    public static long WorkLength(int columns) => Tensors.Checked.AlignUp(columns, Tile) / Tile * (Tile + 1);

    /// <summary>x[columns] as the kernel reads it: 16 elements a tile, each divided by a power of two that its place asks for, zero past the last; and the sum of each sixteen as they were.</summary>
    public static void Prepare(float* x, int columns, float* prepared, float* sums)
    {
        for (int t = 0; t * Tile < columns; t++)
        {
            float sum = 0;
            for (int i = 0; i < Tile; i++)
            {
                float v = t * Tile + i < columns ? x[t * Tile + i] : 0;
                sum += v;
                prepared[t * Tile + i] = v * BitConverter.Int32BitsToSingle((127 - Places[i]) << 23);
            }
            sums[t] = sum;
        }
    }

    /// <summary>y[rows] = W · x[columns].</summary>
    public static void Run(Workers workers, int rows, int columns, ulong* words, float* x, float* work, float* y)
    {
        int tiles = (columns + Tile - 1) / Tile;
        float* sums = work + (nint)tiles * Tile;
        Prepare(x, columns, work, sums);
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
                for (int k = 0; k < Tile; k++) total[r] += (double)(s * ((w >> (6 + 3 * k) & 7) - z)) * x[k] * (1 << Places[k]);
            }
        }
        for (int r = 0; r < Tile; r++) y[r] = (float)total[r];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowAvx512(ulong* words, int tiles, float* x, float* sums, float* y)
    {
        var even = Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        var total = Vector512<float>.Zero;
        float* p = stackalloc float[4];
        for (int t = 0; t < tiles; t++, words += Tile, x += Tile)
        {
            Vector512<ulong> a = Vector512.Load(words), b = Vector512.Load(words + 8);
            var first = Avx512F.PermuteVar16x32x2(a.AsInt32(), even, b.AsInt32());
            var second = Avx512F.PermuteVar16x32x2((a >>> Second).AsInt32(), even, (b >>> Second).AsInt32());
            var third = Avx512F.PermuteVar16x32x2((a >>> Third).AsInt32(), even, (b >>> Third).AsInt32());
            // From memory each goes to all lanes with the load. Four sums: the additions of one wait for each other.
            Widen(Avx512F.ConvertToVector128Byte(a >>> 54).AsUInt64()).Store(p);
            var s = (Code(first, 0) - Vector512.Create(p[1])) * Vector512.Create(p[0]);
            var z = (Code(first, 3) * Vector512.Create(0.125f) - Vector512.Create(p[3])) * Vector512.Create(p[2]);
            var c = Code(first, 6) * Vector512.Create(x[0]);
            c = Avx512F.FusedMultiplyAdd(Code(first, 9), Vector512.Create(x[1]), c);
            c = Avx512F.FusedMultiplyAdd(Code(first, 12), Vector512.Create(x[2]), c);
            c = Avx512F.FusedMultiplyAdd(Code(first, 15), Vector512.Create(x[3]), c);
            var d = Code(first, 18) * Vector512.Create(x[4]);
            d = Avx512F.FusedMultiplyAdd(Code(second, 0), Vector512.Create(x[5]), d);
            d = Avx512F.FusedMultiplyAdd(Code(second, 3), Vector512.Create(x[6]), d);
            d = Avx512F.FusedMultiplyAdd(Code(second, 6), Vector512.Create(x[7]), d);
            var e = Code(second, 9) * Vector512.Create(x[8]);
            e = Avx512F.FusedMultiplyAdd(Code(second, 12), Vector512.Create(x[9]), e);
            e = Avx512F.FusedMultiplyAdd(Code(second, 15), Vector512.Create(x[10]), e);
            e = Avx512F.FusedMultiplyAdd(Code(second, 18), Vector512.Create(x[11]), e);
            var f = Code(third, 0) * Vector512.Create(x[12]);
            f = Avx512F.FusedMultiplyAdd(Code(third, 3), Vector512.Create(x[13]), f);
            f = Avx512F.FusedMultiplyAdd(Code(third, 6), Vector512.Create(x[14]), f);
            f = Avx512F.FusedMultiplyAdd(Code(third, 9), Vector512.Create(x[15]), f);
            total = Avx512F.FusedMultiplyAdd(s, c + d + (e + f) - z * Vector512.Create(sums[t]), total);
        }
        total.Store(y);
    }

    // q · 2^place for the codes at that place.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Code(Vector512<int> bits, [ConstantExpected] int place) =>
        Avx512F.TernaryLogic(bits, Vector512.Create(7 << place), Vector512.Create(0x4b000000), 0xea).AsSingle() - Vector512.Create(8388608f);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowAvx2(ulong* words, int tiles, float* x, float* sums, float* y)
    {
        Vector256<float> first = default, second = default;
        float* p = stackalloc float[4];
        for (int t = 0; t < tiles; t++, words += Tile, x += Tile)
        {
            Widen(Vector128.CreateScalar(Parameters(words))).Store(p);
            first = EightRows(words, p, x, sums[t], first);
            second = EightRows(words + 8, p, x, sums[t], second);
        }
        first.Store(y);
        second.Store(y + 8);
    }

    // Eight rows of a tile.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> EightRows(ulong* words, float* p, float* x, float sum, Vector256<float> total)
    {
        Vector256<ulong> a = Vector256.Load(words), b = Vector256.Load(words + 4);
        Vector256<int> first = Even(a, b), second = Even(a >>> Second, b >>> Second), third = Even(a >>> Third, b >>> Third);
        var s = (Code(first, 0) - Vector256.Create(p[1])) * Vector256.Create(p[0]);
        var z = (Code(first, 3) * Vector256.Create(0.125f) - Vector256.Create(p[3])) * Vector256.Create(p[2]);
        var c = Code(first, 6) * Vector256.Create(x[0]);
        c = Fma.MultiplyAdd(Code(first, 9), Vector256.Create(x[1]), c);
        c = Fma.MultiplyAdd(Code(first, 12), Vector256.Create(x[2]), c);
        c = Fma.MultiplyAdd(Code(first, 15), Vector256.Create(x[3]), c);
        var d = Code(first, 18) * Vector256.Create(x[4]);
        d = Fma.MultiplyAdd(Code(second, 0), Vector256.Create(x[5]), d);
        d = Fma.MultiplyAdd(Code(second, 3), Vector256.Create(x[6]), d);
        d = Fma.MultiplyAdd(Code(second, 6), Vector256.Create(x[7]), d);
        var e = Code(second, 9) * Vector256.Create(x[8]);
        e = Fma.MultiplyAdd(Code(second, 12), Vector256.Create(x[9]), e);
        e = Fma.MultiplyAdd(Code(second, 15), Vector256.Create(x[10]), e);
        e = Fma.MultiplyAdd(Code(second, 18), Vector256.Create(x[11]), e);
        var f = Code(third, 0) * Vector256.Create(x[12]);
        f = Fma.MultiplyAdd(Code(third, 3), Vector256.Create(x[13]), f);
        f = Fma.MultiplyAdd(Code(third, 6), Vector256.Create(x[14]), f);
        f = Fma.MultiplyAdd(Code(third, 9), Vector256.Create(x[15]), f);
        return Fma.MultiplyAdd(s, c + d + (e + f) - z * Vector256.Create(sum), total);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Code(Vector256<int> bits, [ConstantExpected] int place) =>
        (bits & Vector256.Create(7 << place) | Vector256.Create(0x4b000000)).AsSingle() - Vector256.Create(8388608f);

    // The low halves of eight words.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Even(Vector256<ulong> a, Vector256<ulong> b) =>
        Avx2.Permute4x64(Avx.Shuffle(a.AsSingle(), b.AsSingle(), 0b10_00_10_00).AsInt64(), 0b11_01_10_00).AsInt32();
}
