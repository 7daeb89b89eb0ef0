using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// C[m, n] = Σk A[m, k]·B[k, n] in f32 for a B of which any entries are zero, for many rows: rows of A lie in the lanes, so that an entry of B is one broadcast and
/// a multiply-add with memory a vector of rows, and nothing is gathered. A is transposed once, in blocks of <see cref="BlockDepth"/> × <see cref="BlockRows"/> that the first-level cache holds.
/// <para>B is stored by blocks of <see cref="BlockDepth"/> rows and pairs of columns, whose entries lie in records of two a column: f32 of the first entry of both columns, f32 of the second,
/// then u16 where the activations of the four lie, in units of 8 bytes. What a column has less than its neighbour, or than whole records, are zeros that meet a row of zeros behind the block.</para>
/// </summary>
public static unsafe partial class SpmmF32
{
    /// <summary>Rows of A that are computed at once, and elements of a sum that meet them.</summary>
    public const int BlockRows = 128, BlockDepth = 64;

    /// <summary>Floats of a transposed block and the row of zeros behind it.</summary>
    internal const int BlockLength = (BlockDepth + 1) * BlockRows;

    /// <summary>Bytes of a record.</summary>
    public const int RecordBytes = 24;

    /// <summary>Entries of a column that a record has.</summary>
    internal const int RecordEntries = 2;

    // Bytes of a record before where activations lie, and what is fetched ahead of what is read.
    private const int Offsets = 16, Ahead = 4096;

    // Of a place in a block.
    private const int OffsetUnit = 8, OffsetsOfRow = BlockRows * sizeof(float) / OffsetUnit;

    /// <summary>Where an entry says that its activations lie: a row of the block, or the zeros behind the last.</summary>
    internal static ushort Offset(int row) => (ushort)(row * OffsetsOfRow);

    /// <summary>Pairs of columns by one transposed block.</summary>
    /// <param name="a">The block [<see cref="BlockDepth"/> + 1, <see cref="BlockRows"/>].</param>
    /// <param name="rows">Rows that count, from 1; others may be computed too.</param>
    /// <param name="records">Records of B.</param>
    /// <param name="starts">The first record of every pair, and the end of the last.</param>
    /// <param name="pairs">Pairs of columns.</param>
    /// <param name="c">The sums, [2 · pairs, <see cref="BlockRows"/>].</param>
    /// <param name="accumulate">True to add to them.</param>
    public delegate void BlockFn(float* a, int rows, byte* records, int* starts, int pairs, float* c, bool accumulate);

    /// <summary>Best first.</summary>
    public static KernelTable<BlockFn> Table { get; } = new("spmm-f32",
        new("avx512", F32x16.IsSupported, Pairs<F32x16>),
        new("avx2", F32x8.IsSupported, Pairs<F32x8>),
        new("advsimd", AdvSimd.Arm64.IsSupported, Pairs<F32x4>),
        new("vector", F32x4.IsSupported, Pairs<F32x4>),
        new("scalar", true, Scalar));

    private static void Pairs<TV>(float* a, int rows, byte* records, int* starts, int pairs, float* c, bool accumulate) where TV : unmanaged, IF32Vector<TV>
    {
        // 16 sums and two weights in registers.
        bool eight = TV.Count == 16 || AdvSimd.Arm64.IsSupported;
        int row = 0;
        for (; eight && row + 6 * TV.Count < rows; row += 8 * TV.Count) Eight<TV>(a + row, records, starts, pairs, c + row, accumulate);
        for (; row + 2 * TV.Count < rows; row += 4 * TV.Count) Four<TV>(a + row, records, starts, pairs, c + row, accumulate);
        if (row < rows) Two<TV>(a + row, records, starts, pairs, c + row, accumulate);
    }

    /// <summary>Eight vectors of rows: two columns side by side, as their weights and places lie.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight<TV>(float* a, byte* records, int* starts, int pairs, float* c, bool accumulate) where TV : unmanaged, IF32Vector<TV>
    {
        for (int pair = 0; pair < pairs; pair++, c += 2 * BlockRows)
        {
            float* d = c + BlockRows;
            byte* r = records + (nint)RecordBytes * starts[pair], end = records + (nint)RecordBytes * starts[pair + 1];
            Fetch(r, end);
            TV x0 = default, x1 = default, x2 = default, x3 = default, x4 = default, x5 = default, x6 = default, x7 = default;
            TV y0 = default, y1 = default, y2 = default, y3 = default, y4 = default, y5 = default, y6 = default, y7 = default;
            if (accumulate)
            {
                (x0, x1, x2, x3) = (TV.Load(c), TV.Load(c + TV.Count), TV.Load(c + 2 * TV.Count), TV.Load(c + 3 * TV.Count));
                (x4, x5, x6, x7) = (TV.Load(c + 4 * TV.Count), TV.Load(c + 5 * TV.Count), TV.Load(c + 6 * TV.Count), TV.Load(c + 7 * TV.Count));
                (y0, y1, y2, y3) = (TV.Load(d), TV.Load(d + TV.Count), TV.Load(d + 2 * TV.Count), TV.Load(d + 3 * TV.Count));
                (y4, y5, y6, y7) = (TV.Load(d + 4 * TV.Count), TV.Load(d + 5 * TV.Count), TV.Load(d + 6 * TV.Count), TV.Load(d + 7 * TV.Count));
            }
            for (; r < end; r += RecordBytes)
            {
                ulong at = *(ulong*)(r + Offsets);
                for (int e = 0; e < RecordEntries; e++, at >>= 32)
                {
                    TV w = TV.Of(((float*)r)[2 * e]), v = TV.Of(((float*)r)[2 * e + 1]);
                    float* p = Row(a, at), q = Row(a, at >> 16);
                    x0.AddProduct(w, p);
                    x1.AddProduct(w, p + TV.Count);
                    x2.AddProduct(w, p + 2 * TV.Count);
                    x3.AddProduct(w, p + 3 * TV.Count);
                    x4.AddProduct(w, p + 4 * TV.Count);
                    x5.AddProduct(w, p + 5 * TV.Count);
                    x6.AddProduct(w, p + 6 * TV.Count);
                    x7.AddProduct(w, p + 7 * TV.Count);
                    y0.AddProduct(v, q);
                    y1.AddProduct(v, q + TV.Count);
                    y2.AddProduct(v, q + 2 * TV.Count);
                    y3.AddProduct(v, q + 3 * TV.Count);
                    y4.AddProduct(v, q + 4 * TV.Count);
                    y5.AddProduct(v, q + 5 * TV.Count);
                    y6.AddProduct(v, q + 6 * TV.Count);
                    y7.AddProduct(v, q + 7 * TV.Count);
                }
            }
            x0.Store(c);
            x1.Store(c + TV.Count);
            x2.Store(c + 2 * TV.Count);
            x3.Store(c + 3 * TV.Count);
            x4.Store(c + 4 * TV.Count);
            x5.Store(c + 5 * TV.Count);
            x6.Store(c + 6 * TV.Count);
            x7.Store(c + 7 * TV.Count);
            y0.Store(d);
            y1.Store(d + TV.Count);
            y2.Store(d + 2 * TV.Count);
            y3.Store(d + 3 * TV.Count);
            y4.Store(d + 4 * TV.Count);
            y5.Store(d + 5 * TV.Count);
            y6.Store(d + 6 * TV.Count);
            y7.Store(d + 7 * TV.Count);
        }
    }

    // Records come from memory; what the processor fetches by itself comes too late.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(byte* r, byte* end)
    {
        for (byte* next = r; Sse.IsSupported && next < end; next += 64) Sse.Prefetch0(next + Ahead);
    }

    /// <summary>Four vectors of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four<TV>(float* a, byte* records, int* starts, int pairs, float* c, bool accumulate) where TV : unmanaged, IF32Vector<TV>
    {
        for (int pair = 0; pair < pairs; pair++, c += 2 * BlockRows)
        {
            float* d = c + BlockRows;
            byte* r = records + (nint)RecordBytes * starts[pair], end = records + (nint)RecordBytes * starts[pair + 1];
            Fetch(r, end);
            TV x0 = default, x1 = default, x2 = default, x3 = default, y0 = default, y1 = default, y2 = default, y3 = default;
            if (accumulate)
            {
                (x0, x1, x2, x3) = (TV.Load(c), TV.Load(c + TV.Count), TV.Load(c + 2 * TV.Count), TV.Load(c + 3 * TV.Count));
                (y0, y1, y2, y3) = (TV.Load(d), TV.Load(d + TV.Count), TV.Load(d + 2 * TV.Count), TV.Load(d + 3 * TV.Count));
            }
            for (; r < end; r += RecordBytes)
            {
                // Loads are what the loop waits for, scalar ones too.
                ulong at = *(ulong*)(r + Offsets);
                TV w = TV.Of(*(float*)r), v = TV.Of(((float*)r)[1]);
                float* p = Row(a, at), q = Row(a, at >> 16);
                x0.AddProduct(w, p);
                x1.AddProduct(w, p + TV.Count);
                x2.AddProduct(w, p + 2 * TV.Count);
                x3.AddProduct(w, p + 3 * TV.Count);
                y0.AddProduct(v, q);
                y1.AddProduct(v, q + TV.Count);
                y2.AddProduct(v, q + 2 * TV.Count);
                y3.AddProduct(v, q + 3 * TV.Count);
                w = TV.Of(((float*)r)[2]);
                v = TV.Of(((float*)r)[3]);
                p = Row(a, at >> 32);
                q = Row(a, at >> 48);
                x0.AddProduct(w, p);
                x1.AddProduct(w, p + TV.Count);
                x2.AddProduct(w, p + 2 * TV.Count);
                x3.AddProduct(w, p + 3 * TV.Count);
                y0.AddProduct(v, q);
                y1.AddProduct(v, q + TV.Count);
                y2.AddProduct(v, q + 2 * TV.Count);
                y3.AddProduct(v, q + 3 * TV.Count);
            }
            x0.Store(c);
            x1.Store(c + TV.Count);
            x2.Store(c + 2 * TV.Count);
            x3.Store(c + 3 * TV.Count);
            y0.Store(d);
            y1.Store(d + TV.Count);
            y2.Store(d + 2 * TV.Count);
            y3.Store(d + 3 * TV.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Row(float* a, ulong at) => (float*)((byte*)a + OffsetUnit * (nint)(ushort)at);

    /// <summary>Two vectors of rows, entries by turns: a sum alone would wait for itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Two<TV>(float* a, byte* records, int* starts, int pairs, float* c, bool accumulate) where TV : unmanaged, IF32Vector<TV>
    {
        for (int pair = 0; pair < pairs; pair++, c += 2 * BlockRows)
        {
            float* d = c + BlockRows;
            byte* r = records + (nint)RecordBytes * starts[pair], end = records + (nint)RecordBytes * starts[pair + 1];
            Fetch(r, end);
            TV x0 = default, x1 = default, y0 = default, y1 = default, x2 = default, x3 = default, y2 = default, y3 = default;
            if (accumulate) (x0, x1, y0, y1) = (TV.Load(c), TV.Load(c + TV.Count), TV.Load(d), TV.Load(d + TV.Count));
            for (; r < end; r += RecordBytes)
            {
                ulong at = *(ulong*)(r + Offsets);
                TV w = TV.Of(*(float*)r), v = TV.Of(((float*)r)[1]);
                float* p = Row(a, at), q = Row(a, at >> 16);
                x0.AddProduct(w, p);
                x1.AddProduct(w, p + TV.Count);
                y0.AddProduct(v, q);
                y1.AddProduct(v, q + TV.Count);
                w = TV.Of(((float*)r)[2]);
                v = TV.Of(((float*)r)[3]);
                p = Row(a, at >> 32);
                q = Row(a, at >> 48);
                x2.AddProduct(w, p);
                x3.AddProduct(w, p + TV.Count);
                y2.AddProduct(v, q);
                y3.AddProduct(v, q + TV.Count);
            }
            (x0 + x2).Store(c);
            (x1 + x3).Store(c + TV.Count);
            (y0 + y2).Store(d);
            (y1 + y3).Store(d + TV.Count);
        }
    }

    private static void Scalar(float* a, int rows, byte* records, int* starts, int pairs, float* c, bool accumulate)
    {
        for (int column = 0; column < 2 * pairs; column++, c += BlockRows)
            for (int i = 0; i < rows; i++)
            {
                double sum = accumulate ? c[i] : 0;
                for (int e = RecordEntries * starts[column / 2]; e < RecordEntries * starts[column / 2 + 1]; e++)
                {
                    byte* record = records + (nint)RecordBytes * (e / RecordEntries);
                    int at = e % RecordEntries * 2 + column % 2;
                    sum += (double)((float*)record)[at] * *(float*)((byte*)(a + i) + OffsetUnit * (nint)((ushort*)(record + Offsets))[at]);
                }
                c[i] = (float)sum;
            }
    }
}
