using Engine.Tensors;

namespace Engine.Kernels;

public static unsafe partial class GemvCsrU8S8
{
    // Rows and groups of columns of a unit.
    private const int UnitRows = 16, UnitGroups = 8;

    private static int Groups(int n) => (int)Checked.CeilDiv(n, Lanes);

    /// <summary>Where the parts of a packed weight lie: starts i32 [groups + 1], sums of the columns i32 [16 · groups], windows i32 [records], then the records.</summary>
    private readonly struct Parts(byte* packed, int n)
    {
        public readonly int* Starts = (int*)packed, Sums = (int*)packed + Groups(n) + 1, Windows = (int*)packed + Groups(n) * (Lanes + 1) + 1;

        public readonly byte* Records = packed + HeadBytes(n, ((int*)packed)[Groups(n)]);
    }

    private static long HeadBytes(int n, int records) => Checked.AlignUp(sizeof(int) * ((Lanes + 1L) * Groups(n) + 1 + records), 64);

    /// <summary>Records that <paramref name="codes"/> [n, k] are packed in.</summary>
    public static int Records(ReadOnlySpan<sbyte> codes, int k, int n)
    {
        int records = 0;
        for (int g = 0; g < Groups(n); g++) records += Group(codes, k, n, g, null, null);
        return records;
    }

    /// <summary>Bytes of packed B of so many <see cref="Records"/>.</summary>
    public static long PackedLength(int n, int records) => Checked.Add(HeadBytes(n, records), (long)records * RecordBytes);

    /// <summary>Packs B[k, n] whose column j is row j of <paramref name="codes"/> [n, k], in so many <see cref="Records"/>.</summary>
    public static void PackB(ReadOnlySpan<sbyte> codes, int k, int n, int records, byte* packed)
    {
        new Span<byte>(packed, Checked.Int(PackedLength(n, records))).Clear();
        ((int*)packed)[Groups(n)] = records;
        var parts = new Parts(packed, n);
        for (int g = 0, at = 0; g < Groups(n); g++)
        {
            parts.Starts[g] = at;
            at += Group(codes, k, n, g, parts.Windows + at, parts.Records + (nint)at * RecordBytes);
        }
        for (int j = 0; j < n; j++)
            foreach (sbyte v in codes.Slice(j * k, k)) parts.Sums[j] += v;
    }

    // The records of a group, written where there is a place for them.
    private static int Group(ReadOnlySpan<sbyte> codes, int k, int n, int group, int* windows, byte* records)
    {
        // The next entry of each column.
        Span<int> next = stackalloc int[Lanes];
        for (int l = 0; l < Lanes; l++) next[l] = Next(codes, k, n, group * Lanes + l, 0);
        for (int count = 0; ; count++)
        {
            int first = k;
            foreach (int i in next) first = Math.Min(first, i);
            if (first == k) return count;
            if (windows != null) windows[count] = first;
            for (int l = 0; l < Lanes; l++)
                for (int e = 0; e < 4 && next[l] < Math.Min(k, first + Window); e++)
                {
                    if (records != null)
                    {
                        byte* to = records + (nint)count * RecordBytes + 4 * l + e;
                        *to = (byte)(next[l] - first);
                        to[PositionBytes] = (byte)codes[(group * Lanes + l) * k + next[l]];
                    }
                    next[l] = Next(codes, k, n, group * Lanes + l, next[l] + 1);
                }
        }
    }

    private static int Next(ReadOnlySpan<sbyte> codes, int k, int n, int column, int from)
    {
        if (column >= n || from >= k) return k;
        int at = codes.Slice(column * k + from, k - from).IndexOfAnyExcept((sbyte)0);
        return at < 0 ? k : from + at;
    }

    /// <summary>The product of A, less its one zero point, and a B packed by <see cref="PackB"/>, tile by tile into <paramref name="store"/>. Inside a parallel body pass <see cref="Workers.Single"/>.</summary>
    public static void Run<TStore>(Workers workers, int m, int n, int k, in GemmU8S8.Rows a, byte* packed, in TStore store) where TStore : struct, ITileStore
    {
        if (m == 0 || n == 0) return;
        int rowBlocks = (m + UnitRows - 1) / UnitRows, units = Checked.Int((long)rowBlocks * Checked.CeilDiv(Groups(n), UnitGroups));
        double products = (double)m * 4 * Lanes * ((int*)packed)[Groups(n)];
        workers.For(units, (int)Math.Clamp((1 << 19) * (double)units / Math.Max(1, products), 1, units), new Body<TStore>(m, n, k, rowBlocks, a, packed, store));
    }

    private readonly struct Body<TStore>(int m, int n, int k, int rowBlocks, GemmU8S8.Rows a, byte* packed, TStore store) : IParallelBody where TStore : struct, ITileStore
    {
        // Windows are read whole, from the last row of B on.
        private readonly nint _stride = (k + (nint)Window + 63) / 64 * 64;

        public void Run(int start, int end)
        {
            const int Width = UnitGroups * Lanes;
            int* sums = (int*)Scratch.Get(sizeof(int) * UnitRows * Width + UnitRows * _stride), begin = stackalloc int[Lanes];
            byte* rows = (byte*)(sums + UnitRows * Width);
            var parts = new Parts(packed, n);
            var run = Table.Best;
            int zero = a.Zero(0), copied = -1;
            for (int unit = start; unit < end; unit++)
            {
                int row = unit % rowBlocks * UnitRows, count = Math.Min(UnitRows, m - row), first = unit / rowBlocks * UnitGroups, last = Math.Min(Groups(n), first + UnitGroups);
                for (int i = 0; i < count && copied != row; i++)
                {
                    a.Pack(row + i, 1, k, rows + i * _stride, _stride);
                    new Span<byte>(rows + i * _stride + k, (int)_stride - k).Clear();
                }
                copied = row;
                for (int g = first; g < last; g++)
                {
                    // Σ(a − z)b = Σab − zΣb.
                    for (int l = 0; l < Lanes; l++) begin[l] = unchecked(-zero * parts.Sums[g * Lanes + l]);
                    int at = parts.Starts[g];
                    for (int i = 0; i < count; i++) run(rows + i * _stride, parts.Windows + at, parts.Records + (nint)at * RecordBytes, parts.Starts[g + 1] - at, begin, sums + i * Width + (g - first) * Lanes);
                }
                store.Store(sums, Width, row, row, count, first * Lanes, Math.Min(n, last * Lanes) - first * Lanes);
            }
        }
    }
}
