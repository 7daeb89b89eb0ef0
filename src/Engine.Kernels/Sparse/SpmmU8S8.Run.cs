using Engine.Tensors;

namespace Engine.Kernels;

public static unsafe partial class SpmmU8S8
{
    // Columns of a unit, as its shape allows: A is read from further away once a unit, the sums stay in the second-level cache.
    private const int MostColumns = 128, LeastColumns = 32, Units = 32;

    private static int Blocks(int k) => (GemmU8S8.Quads(k) + BlockDepth - 1) / BlockDepth;

    /// <summary>Where the parts of a packed weight lie: starts i32 [blocks · n + 1], sums of the columns i32 [n], then quads s8 [4] and places, all columns of a block before the next block.</summary>
    private readonly struct Parts(byte* packed, int k, int n)
    {
        public readonly int* Starts = (int*)packed, Sums = (int*)packed + (nint)Blocks(k) * n + 1;

        public readonly sbyte* Quads = (sbyte*)packed + HeadBytes(k, n);

        public byte* Places => (byte*)Quads + 4 * (nint)Starts[(nint)Blocks(k) * n];
    }

    private static long HeadBytes(int k, int n) => Checked.AlignUp(sizeof(int) * (Checked.Mul(Blocks(k) + 1, n) + 1), 64);

    /// <summary>Quads of <paramref name="codes"/> [n, k] that are not zero.</summary>
    public static int Quads(ReadOnlySpan<sbyte> codes, int k, int n)
    {
        int quads = 0;
        for (int j = 0; j < n; j++)
            for (int i = 0; i < k; i += 4) quads += codes.Slice(j * k + i, Math.Min(4, k - i)).ContainsAnyExcept((sbyte)0) ? 1 : 0;
        return quads;
    }

    /// <summary>Bytes of a packed B[k, n] of so many <see cref="Quads"/>.</summary>
    public static long PackedLength(int k, int n, int quads) => Checked.Add(HeadBytes(k, n), 5L * quads);

    /// <summary>Packs B[k, n] whose column j is row j of <paramref name="codes"/> [n, k], with so many <see cref="Quads"/>.</summary>
    public static void PackB(ReadOnlySpan<sbyte> codes, int k, int n, int quads, byte* packed)
    {
        new Span<byte>(packed, Checked.Int(PackedLength(k, n, quads))).Clear();
        int blocks = Blocks(k), at = 0;
        ((int*)packed)[(nint)blocks * n] = quads;
        var parts = new Parts(packed, k, n);
        byte* places = parts.Places;
        for (int b = 0; b < blocks; b++)
            for (int j = 0; j < n; j++)
            {
                parts.Starts[(nint)b * n + j] = at;
                for (int q = 0; q < BlockDepth && 4 * (b * BlockDepth + q) is var i && i < k; q++)
                {
                    var quad = codes.Slice(j * k + i, Math.Min(4, k - i));
                    if (!quad.ContainsAnyExcept((sbyte)0)) continue;
                    quad.CopyTo(new(parts.Quads + 4 * (nint)at, 4));
                    foreach (sbyte v in quad) parts.Sums[j] += v;
                    places[at++] = (byte)q;
                }
            }
    }

    /// <summary>Bytes that <see cref="Run"/> keeps the transposed A in, and its rows before that.</summary>
    public static long WorkBytes(int m, int k) => Checked.Add(Checked.Mul(Checked.CeilDiv(m, BlockRows), Checked.Mul(Blocks(k), BlockBytes)), Checked.Mul(m, RowBytes(k)));

    private static int RowBytes(int k) => 4 * GemmU8S8.Quads(k);

    /// <summary>The product of A, less its one zero point, and a B packed by <see cref="PackB"/>, tile by tile into <paramref name="store"/>. Inside a parallel body pass <see cref="Workers.Single"/>.</summary>
    public static void Run<TStore>(Workers workers, int m, int n, int k, in GemmU8S8.Rows a, byte* packed, byte* work, in TStore store) where TStore : struct, ITileStore
    {
        if (m == 0 || n == 0) return;
        int rowBlocks = (m + BlockRows - 1) / BlockRows, perUnit = (int)Math.Clamp((long)n * rowBlocks / Units, LeastColumns, MostColumns), units = Checked.Int(Checked.Mul(rowBlocks, (n + perUnit - 1) / perUnit));
        double products = (double)QuadBytes * rowBlocks * ((int*)packed)[(nint)Blocks(k) * n];
        workers.For(rowBlocks, 1, new Turn(m, k, a, work));
        workers.For(units, (int)Math.Clamp((1 << 20) * (double)units / Math.Max(1, products), 1, units), new Body<TStore>(m, n, k, perUnit, rowBlocks, a.Zero(0), packed, work, store));
    }

    /// <summary>Blocks of A, [rows, quads] of them, transposed.</summary>
    private readonly struct Turn(int m, int k, GemmU8S8.Rows a, byte* to) : IParallelBody
    {
        public void Run(int start, int end)
        {
            bool inPlace = a.InPlace(k) && a.Stride % 4 == 0;
            nint stride = inPlace ? a.Stride : RowBytes(k);
            byte* copies = to + (nint)((m + BlockRows - 1) / BlockRows) * Blocks(k) * BlockBytes;
            for (int unit = start; unit < end; unit++)
            {
                int row = unit * BlockRows, rows = Math.Min(BlockRows, m - row);
                byte* from = inPlace ? a.At(row) : copies + row * stride;
                if (!inPlace) a.Pack(row, rows, k, from, stride);
                for (int b = 0; b < Blocks(k); b++)
                {
                    int first = b * BlockDepth, depth = Math.Min(BlockDepth, GemmU8S8.Quads(k) - first);
                    int* block = (int*)(to + ((nint)unit * Blocks(k) + b) * BlockBytes);
                    for (int i = 0; i < depth; i += TileTranspose.Block)
                        TileTranspose.Tile((int*)from + first + i, stride / 4, block + (nint)i * BlockRows, BlockRows, Math.Min(TileTranspose.Block, depth - i), rows);
                }
            }
        }
    }

    // Stores may read whole vectors of sums.
    private const int Slack = 64;

    private readonly struct Body<TStore>(int m, int n, int k, int perUnit, int rowBlocks, int zero, byte* packed, byte* turned, TStore store) : IParallelBody where TStore : struct, ITileStore
    {
        public void Run(int start, int end)
        {
            var run = Table.Best;
            int blocks = Blocks(k);
            var parts = new Parts(packed, k, n);
            int* sums = (int*)Scratch.Get(2L * perUnit * QuadBytes + Slack), tile = sums + (nint)perUnit * BlockRows;
            for (int unit = start; unit < end; unit++)
            {
                int first = unit / rowBlocks * perUnit, columns = Math.Min(perUnit, n - first), block = unit % rowBlocks, row = block * BlockRows, rows = Math.Min(BlockRows, m - row);
                // Σ(a − z)b = Σab − zΣb.
                for (int j = 0; j < columns; j++) new Span<int>(sums + j * BlockRows, BlockRows).Fill(unchecked(-zero * parts.Sums[first + j]));
                for (int b = 0; b < blocks; b++) run(new(turned + ((nint)block * blocks + b) * BlockBytes, parts.Quads, parts.Places, parts.Starts + (nint)b * n + first, sums, rows, columns));
                for (int i = 0; i < rows; i += TileTranspose.Block)
                    TileTranspose.Tile(sums + i, BlockRows, tile + i * perUnit, perUnit, Math.Min(TileTranspose.Block, rows - i), columns);
                store.Store(tile, perUnit, row, row, rows, first, columns);
            }
        }
    }
}
