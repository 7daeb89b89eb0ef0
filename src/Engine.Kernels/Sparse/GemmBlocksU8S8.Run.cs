using Engine.Tensors;

namespace Engine.Kernels;

public static unsafe partial class GemmBlocksU8S8
{
    // Rows and rows of blocks of a unit: its sums stay in the first-level cache.
    private const int UnitRows = 32, UnitGroups = 16;

    /// <summary>Where the parts of a packed weight lie: starts i32 [groups + 1], block columns i32 [blocks], sums of the columns i32 [8 · groups], then blocks s8.</summary>
    private readonly struct Parts(byte* packed, int n)
    {
        public readonly int* Starts = (int*)packed;

        public int* Columns => Starts + Groups(n) + 1;

        public int* Sums => Columns + Starts[Groups(n)];

        public sbyte* Values => (sbyte*)packed + HeadBytes(n, Starts[Groups(n)]);
    }

    private static int Groups(int n) => (int)Checked.CeilDiv(n, Height);

    private static long HeadBytes(int n, int blocks) => Checked.AlignUp(sizeof(int) * (9L * Groups(n) + 1 + blocks), 64);

    /// <summary>Bytes of <paramref name="blocks"/> packed blocks of n columns of B.</summary>
    public static long PackedLength(int n, int blocks) => Checked.Add(HeadBytes(n, blocks), (long)blocks * Block);

    /// <summary>Blocks of <paramref name="codes"/> [n, k] that are not zero.</summary>
    public static int Blocks(ReadOnlySpan<sbyte> codes, int k, int n)
    {
        int blocks = 0;
        for (int g = 0; g < Groups(n); g++)
            for (int first = 0; first < k; first += Width) blocks += IsZero(codes, k, n, g, first) ? 0 : 1;
        return blocks;
    }

    private static bool IsZero(ReadOnlySpan<sbyte> codes, int k, int n, int group, int first)
    {
        for (int r = group * Height; r < Math.Min(n, (group + 1) * Height); r++)
            if (codes.Slice(r * k + first, Math.Min(Width, k - first)).ContainsAnyExcept((sbyte)0)) return false;
        return true;
    }

    /// <summary>Packs B[k, n] whose column j is row j of <paramref name="codes"/> [n, k], with so many <see cref="Blocks"/>.</summary>
    public static void PackB(ReadOnlySpan<sbyte> codes, int k, int n, int blocks, byte* packed)
    {
        new Span<byte>(packed, Checked.Int(PackedLength(n, blocks))).Clear();
        int groups = Groups(n), at = 0;
        // The places of all parts follow from the number of blocks.
        ((int*)packed)[groups] = blocks;
        var parts = new Parts(packed, n);
        var (columns, sums, values) = ((nint)parts.Columns, (nint)parts.Sums, (nint)parts.Values);
        for (int g = 0; g < groups; g++)
        {
            parts.Starts[g] = at;
            for (int first = 0; first < k; first += Width)
            {
                if (IsZero(codes, k, n, g, first)) continue;
                for (int r = g * Height; r < Math.Min(n, (g + 1) * Height); r++)
                    for (int i = 0; i < Math.Min(Width, k - first); i++)
                    {
                        sbyte v = codes[r * k + first + i];
                        ((sbyte*)values)[(nint)at * Block + r % Height * Width + i] = v;
                        ((int*)sums)[r] += v;
                    }
                ((int*)columns)[at++] = first / Width;
            }
        }
    }

    /// <summary>The product of A, less its one zero point, and a B packed by <see cref="PackB"/>, tile by tile into <paramref name="store"/>. Inside a parallel body pass <see cref="Workers.Single"/>.</summary>
    public static void Run<TStore>(Workers workers, int m, int n, int k, in GemmU8S8.Rows a, byte* packed, in TStore store) where TStore : struct, ITileStore
    {
        if (m == 0 || n == 0) return;
        int rowBlocks = (m + UnitRows - 1) / UnitRows, units = Checked.Int((long)rowBlocks * Checked.CeilDiv(Groups(n), UnitGroups));
        double products = (double)m * Block * ((int*)packed)[Groups(n)];
        workers.For(units, (int)Math.Clamp((1 << 20) * (double)units / Math.Max(1, products), 1, units), new Body<TStore>(m, n, k, rowBlocks, a, packed, store));
    }

    private readonly struct Body<TStore>(int m, int n, int k, int rowBlocks, GemmU8S8.Rows a, byte* packed, TStore store) : IParallelBody where TStore : struct, ITileStore
    {
        // Packed rows begin on other lines of a cache.
        private readonly nint _stride = (GemmU8S8.Quads(k) * (nint)4 + 63) / 64 * 64 + 64;

        public void Run(int start, int end)
        {
            const int Width = UnitGroups * Height;
            bool inPlace = a.InPlace(k);
            int* sums = (int*)Scratch.Get(sizeof(int) * UnitRows * Width + (inPlace ? 0 : UnitRows * _stride)), begin = stackalloc int[Height];
            byte* copy = (byte*)(sums + UnitRows * Width);
            var parts = new Parts(packed, n);
            var run = Table.Best;
            int groups = Groups(n), zero = a.Zero(0), copied = -1;
            for (int unit = start; unit < end; unit++)
            {
                int row = unit % rowBlocks * UnitRows, rows = Math.Min(UnitRows, m - row), first = unit / rowBlocks * UnitGroups, last = Math.Min(groups, first + UnitGroups);
                if (!inPlace && copied != row) a.Pack(row, rows, k, copy, _stride);
                copied = row;
                byte* from = inPlace ? a.At(row) : copy;
                nint stride = inPlace ? a.Stride : _stride;
                for (int g = first; g < last; g++)
                {
                    // Σ(a − z)b = Σab − zΣb.
                    for (int r = 0; r < Height; r++) begin[r] = unchecked(-zero * parts.Sums[g * Height + r]);
                    int block = parts.Starts[g];
                    run(from, stride, rows, parts.Columns + block, parts.Starts[g + 1] - block, parts.Values + (nint)block * Block, begin, sums + (g - first) * Height, Width);
                }
                store.Store(sums, Width, row, row, rows, first * Height, Math.Min(n, last * Height) - first * Height);
            }
        }
    }
}
