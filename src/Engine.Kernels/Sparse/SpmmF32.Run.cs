using Engine.Tensors;

namespace Engine.Kernels;

public static unsafe partial class SpmmF32
{
    // Pairs of columns of a unit, as its shape allows: A is read from further away once a unit, the sums stay in the second-level cache.
    private const int MostPairs = 128, LeastPairs = 32, Units = 16;

    // Rows that are computed at once, at most, unless all of a block are.
    private const int Lanes = BlockRows / 2;

    /// <summary>Blocks of a sum of length <paramref name="k"/>.</summary>
    internal static int Blocks(int k) => (k + BlockDepth - 1) / BlockDepth;

    /// <summary>Pairs of <paramref name="n"/> columns.</summary>
    internal static int ColumnPairs(int n) => (n + 1) / 2;

    // Of the starts, whole cache lines.
    private static long HeadBytes(int k, int n) => Checked.AlignUp(sizeof(int) * (Checked.Mul(Blocks(k), ColumnPairs(n)) + 1), 64);

    /// <summary>Records that a B[k, n] at k · <paramref name="rowStride"/> + n · <paramref name="columnStride"/> is packed in.</summary>
    public static int Records(float* b, int k, int n, nint rowStride, nint columnStride)
    {
        long records = 0;
        for (int first = 0; first < k; first += BlockDepth)
            for (int j = 0; j < n; j += 2) records += PairRecords(b + j * columnStride, first, k, Math.Min(2, n - j), rowStride, columnStride);
        return Checked.Int(records);
    }

    private static int PairRecords(float* b, int first, int k, int columns, nint rowStride, nint columnStride)
    {
        int most = 0;
        for (int j = 0; j < columns; j++)
        {
            int kept = 0;
            for (int i = first; i < Math.Min(k, first + BlockDepth); i++) kept += b[i * rowStride + j * columnStride] != 0 ? 1 : 0;
            most = Math.Max(most, kept);
        }
        return (most + RecordEntries - 1) / RecordEntries;
    }

    /// <summary>Bytes of a packed B of so many <see cref="Records"/>.</summary>
    public static long PackedLength(int k, int n, int records) => Checked.Add(HeadBytes(k, n), Checked.Mul(RecordBytes, records));

    /// <summary>The records of a packed B, behind where they start: of every block of sums every pair of columns.</summary>
    internal static byte* RecordsOf(byte* packed, int k, int n) => packed + HeadBytes(k, n);

    /// <summary>Entries of pairs of columns that a packed B has, zeros that fill up records counted.</summary>
    internal static double PackedEntries(byte* packed, int k, int n) => (double)RecordEntries * ((int*)packed)[Blocks(k) * ColumnPairs(n)];

    /// <summary>Packs B[k, n] at k · <paramref name="rowStride"/> + n · <paramref name="columnStride"/>.</summary>
    public static void PackB(float* b, int k, int n, nint rowStride, nint columnStride, byte* packed)
    {
        int* starts = (int*)packed;
        byte* records = RecordsOf(packed, k, n);
        int at = 0;
        for (int first = 0; first < k; first += BlockDepth)
            for (int j = 0; j < n; j += 2)
            {
                *starts++ = at;
                int count = PairRecords(b + j * columnStride, first, k, Math.Min(2, n - j), rowStride, columnStride);
                for (int c = 0; c < 2; c++)
                {
                    int kept = 0;
                    for (int i = first; j + c < n && i < Math.Min(k, first + BlockDepth); i++)
                        if (b[i * rowStride + (j + c) * columnStride] is var v and not 0) Set(at, kept++, c, v, i - first);
                    while (kept < count * RecordEntries) Set(at, kept++, c, 0, BlockDepth);
                }
                at += count;
            }
        *starts = at;

        void Set(int record, int entry, int column, float value, int row)
        {
            byte* r = records + (nint)RecordBytes * (record + entry / RecordEntries);
            int place = entry % RecordEntries * 2 + column;
            ((float*)r)[place] = value;
            ((ushort*)(r + Offsets))[place] = Offset(row);
        }
    }

    /// <summary>Bytes that <see cref="Run"/> keeps the transposed A in.</summary>
    public static long WorkBytes(int m, int k) => Checked.Mul(Checked.Mul(Checked.CeilDiv(m, BlockRows), Blocks(k)), BlockLength * sizeof(float));

    /// <summary>
    /// C = A·B with B packed by <see cref="PackB"/>; columns of A lie side by side, rows <paramref name="rowStride"/> floats apart, rows of C <paramref name="ldc"/>.
    /// Inside a parallel body pass <see cref="Workers.Single"/>.
    /// </summary>
    public static void Run<TEpilogue>(Workers workers, int m, int n, int k, float* a, nint rowStride, byte* packed, byte* work, float* c, nint ldc, TEpilogue epilogue) where TEpilogue : struct, IGemmEpilogue
    {
        if (m == 0 || n == 0) return;
        int rowBlocks = (m + BlockRows - 1) / BlockRows, pairs = ColumnPairs(n), perUnit = (int)Math.Clamp((long)pairs * rowBlocks / Units, LeastPairs, MostPairs);
        double products = (double)rowBlocks * BlockRows * PackedEntries(packed, k, n);
        int units = Checked.Int(Checked.Mul(rowBlocks, (pairs + perUnit - 1) / perUnit));
        workers.For(rowBlocks * Blocks(k), 4, new Turn(m, k, a, rowStride, (float*)work));
        workers.For(units, (int)Math.Clamp((1 << 19) * (double)units / Math.Max(1, products), 1, units), new Body<TEpilogue>(m, n, k, perUnit, rowBlocks, packed, (float*)work, c, ldc, epilogue));
    }

    /// <summary>Blocks of A, [rows, sums] of them, transposed.</summary>
    private readonly struct Turn(int m, int k, float* a, nint rowStride, float* to) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int unit = start; unit < end; unit++)
            {
                int row = unit / Blocks(k) * BlockRows, first = unit % Blocks(k) * BlockDepth, rows = Math.Min(BlockRows, m - row), depth = Math.Min(BlockDepth, k - first);
                float* block = to + (nint)unit * BlockLength;
                // Vectors are whole.
                for (int i = 0; i < BlockDepth && rows % Lanes != 0; i++) new Span<float>(block + i * BlockRows + rows, Lanes - rows % Lanes).Clear();
                new Span<float>(block + BlockDepth * BlockRows, BlockRows).Clear();
                for (int i = 0; i < depth; i += TileTranspose.Block)
                    TileTranspose.Tile(a + row * rowStride + first + i, rowStride, block + i * BlockRows, BlockRows, Math.Min(TileTranspose.Block, depth - i), rows);
            }
        }
    }

    private readonly struct Body<TEpilogue>(int m, int n, int k, int perUnit, int rowBlocks, byte* packed, float* turned, float* c, nint ldc, TEpilogue epilogue) : IParallelBody where TEpilogue : struct, IGemmEpilogue
    {
        public void Run(int start, int end)
        {
            var run = Table.Best;
            int blocks = Blocks(k), pairs = ColumnPairs(n);
            byte* records = RecordsOf(packed, k, n);
            float* sums = (float*)Scratch.Get(2L * perUnit * BlockRows * sizeof(float));
            for (int unit = start; unit < end; unit++)
            {
                int first = unit / rowBlocks * perUnit, count = Math.Min(perUnit, pairs - first), row = unit % rowBlocks * BlockRows, rows = Math.Min(BlockRows, m - row);
                float* a = turned + (nint)(unit % rowBlocks) * blocks * BlockLength;
                if (blocks == 0) new Span<float>(sums, 2 * count * BlockRows).Clear();
                for (int b = 0; b < blocks; b++) run(a + (nint)b * BlockLength, rows, records, (int*)packed + (nint)b * pairs + first, count, sums, b > 0);
                Store(sums, row, rows, 2 * first, Math.Min(2 * count, n - 2 * first));
            }
        }

        private void Store(float* sums, int row, int rows, int column, int columns)
        {
            for (int i = 0; i < rows; i += TileTranspose.Block)
                TileTranspose.Tile(sums + i, BlockRows, c + (row + i) * ldc + column, ldc, Math.Min(TileTranspose.Block, rows - i), columns);
            for (int i = 0; i < rows && !epilogue.IsEmpty; i++) epilogue.Apply(row + i, column, new Span<float>(c + (row + i) * ldc + column, columns));
        }
    }
}
