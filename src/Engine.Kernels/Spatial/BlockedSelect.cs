using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Lanes of rows of 16 floats moved: a lane of the result is a lane of one of several source blocks, or 0. Bits are copied.</summary>
public static unsafe class BlockedSelect
{
    private const int Block = ConvBlocked.Block;

    // Rows that are worth a part of a loop of threads.
    private const int Chunk = 512;

    /// <summary>What one source block gives to a block of the result.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 192)]
    public struct Piece
    {
        /// <summary>The source lane of each lane.</summary>
        public fixed int Lanes[Block];

        /// <summary>−1 for the lanes that come from here, else 0.</summary>
        public fixed int Mask[Block];

        /// <summary>Floats to the source block.</summary>
        public nint Offset;
    }

    /// <summary>Where the blocks and rows of a tensor lie: pairs of blocks, the two of a pair, rows; in floats.</summary>
    public readonly record struct Steps(nint Pair, nint Half, nint Row)
    {
        /// <summary>A blocked tensor of so many pixels.</summary>
        public static Steps Blocked(int pixels) => new((nint)pixels * 2 * Block, (nint)pixels * Block, Block);

        /// <summary>Floats to a block.</summary>
        public nint Of(int block) => block / 2 * Pair + block % 2 * Half;
    }

    /// <summary>y[r] of <paramref name="n"/> rows out of the pieces; row r of the source is <paramref name="rows"/>[r], or r. y may be x where rows are their own.</summary>
    public delegate void RowsFn(float* x, nint xRow, Piece* pieces, int count, int* rows, int n, float* y, nint yRow);

    /// <summary>One permutation a piece and row.</summary>
    public static KernelTable<RowsFn> Table { get; } = new("blocked-select",
        new("avx512", Avx512F.IsSupported, Avx512),
        new("avx2", Avx2.IsSupported, Rows256),
        new("scalar", true, Scalar));

    /// <summary>
    /// The pieces that make blocks of 16 out of <paramref name="source"/>: for each of <paramref name="count"/> channels of the result the source's channel, or −1 for zeros. Pieces of block b are
    /// those from <paramref name="starts"/>[b] to [b + 1]; there are no more than channels.
    /// </summary>
    public static void Plan(int* source, int count, in Steps from, Piece* pieces, int* starts)
    {
        int made = 0, blocks = (count + Block - 1) / Block;
        for (int b = 0; b < blocks; b++)
        {
            starts[b] = made;
            for (int lane = 0; lane < Math.Min(Block, count - b * Block); lane++)
            {
                int channel = source[b * Block + lane];
                if (channel < 0) continue;
                nint offset = from.Of(channel / Block);
                int p = starts[b];
                while (p < made && pieces[p].Offset != offset) p++;
                if (p == made) pieces[made++] = new Piece { Offset = offset };
                pieces[p].Lanes[lane] = channel % Block;
                pieces[p].Mask[lane] = -1;
            }
        }
        starts[blocks] = made;
    }

    /// <summary>All rows of all blocks of a plan.</summary>
    public static void Run(RowsFn select, Workers workers, float* x, nint xRow, Piece* pieces, int* starts, int blocks, int* rows, int rowsOfBlock, float* y, in Steps to)
    {
        int chunks = (rowsOfBlock + Chunk - 1) / Chunk;
        workers.For(Tensors.Checked.Int((long)blocks * chunks), 4, new Body(select, x, xRow, pieces, starts, chunks, rows, rowsOfBlock, y, to));
    }

    private readonly struct Body(RowsFn select, float* x, nint xRow, Piece* pieces, int* starts, int chunks, int* rows, int rowsOfBlock, float* y, Steps to) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int unit = start; unit < end; unit++)
            {
                var (block, chunk) = (unit / chunks, unit % chunks);
                int first = chunk * Chunk, n = Math.Min(Chunk, rowsOfBlock - first);
                select(rows is null ? x + first * xRow : x, xRow, pieces + starts[block], starts[block + 1] - starts[block], rows is null ? null : rows + first, n, y + to.Of(block) + first * to.Row, to.Row);
            }
        }
    }

    private static void Avx512(float* x, nint xRow, Piece* pieces, int count, int* rows, int n, float* y, nint yRow)
    {
        if (count == 1) One512(x + pieces->Offset, xRow, pieces, rows, n, y, yRow);
        else if (count == 2) Two512(x + pieces->Offset, x + pieces[1].Offset, xRow, pieces, rows, n, y, yRow);
        else Many512(x, xRow, pieces, count, rows, n, y, yRow);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One512(float* x, nint xRow, Piece* p, int* rows, int n, float* y, nint yRow)
    {
        Vector512<int> lanes = Vector512.Load(p->Lanes), mask = Vector512.Load(p->Mask);
        for (int r = 0; r < n; r++, y += yRow)
            (Avx512F.PermuteVar16x32(Vector512.Load((int*)(x + (rows is null ? r : rows[r]) * xRow)), lanes) & mask).Store((int*)y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Two512(float* x0, float* x1, nint xRow, Piece* p, int* rows, int n, float* y, nint yRow)
    {
        Vector512<int> lanes0 = Vector512.Load(p->Lanes), mask0 = Vector512.Load(p->Mask), lanes1 = Vector512.Load(p[1].Lanes), mask1 = Vector512.Load(p[1].Mask);
        for (int r = 0; r < n; r++, y += yRow)
        {
            nint from = (rows is null ? r : rows[r]) * xRow;
            (Avx512F.PermuteVar16x32(Vector512.Load((int*)(x0 + from)), lanes0) & mask0 | Avx512F.PermuteVar16x32(Vector512.Load((int*)(x1 + from)), lanes1) & mask1).Store((int*)y);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Many512(float* x, nint xRow, Piece* pieces, int count, int* rows, int n, float* y, nint yRow)
    {
        for (int r = 0; r < n; r++, y += yRow)
        {
            float* from = x + (rows is null ? r : rows[r]) * xRow;
            var all = Vector512<int>.Zero;
            for (Piece* p = pieces, end = pieces + count; p < end; p++)
                all |= Avx512F.PermuteVar16x32(Vector512.Load((int*)(from + p->Offset)), Vector512.Load(p->Lanes)) & Vector512.Load(p->Mask);
            all.Store((int*)y);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows256(float* x, nint xRow, Piece* pieces, int count, int* rows, int n, float* y, nint yRow)
    {
        const int half = Block / 2;
        var most = Vector256.Create(half - 1);
        for (int r = 0; r < n; r++, y += yRow)
        {
            float* from = x + (rows is null ? r : rows[r]) * xRow;
            Vector256<int> low = Vector256<int>.Zero, high = Vector256<int>.Zero;
            for (Piece* p = pieces, end = pieces + count; p < end; p++)
            {
                Vector256<int> a = Vector256.Load((int*)(from + p->Offset)), b = Vector256.Load((int*)(from + p->Offset) + half), l = Vector256.Load(p->Lanes), h = Vector256.Load(p->Lanes + half);
                low |= Vector256.ConditionalSelect(Vector256.GreaterThan(l, most), Avx2.PermuteVar8x32(b, l), Avx2.PermuteVar8x32(a, l)) & Vector256.Load(p->Mask);
                high |= Vector256.ConditionalSelect(Vector256.GreaterThan(h, most), Avx2.PermuteVar8x32(b, h), Avx2.PermuteVar8x32(a, h)) & Vector256.Load(p->Mask + half);
            }
            low.Store((int*)y);
            high.Store((int*)y + half);
        }
    }

    private static void Scalar(float* x, nint xRow, Piece* pieces, int count, int* rows, int n, float* y, nint yRow)
    {
        int* row = stackalloc int[Block];
        for (int r = 0; r < n; r++, y += yRow)
        {
            int* from = (int*)(x + (rows is null ? r : rows[r]) * xRow);
            new Span<int>(row, Block).Clear();
            for (int p = 0; p < count; p++)
                for (int lane = 0; lane < Block; lane++)
                    if (pieces[p].Mask[lane] != 0) row[lane] = from[pieces[p].Offset + pieces[p].Lanes[lane]];
            new Span<int>(row, Block).CopyTo(new Span<int>(y, Block));
        }
    }
}
