using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>Counts bits that differ between some rows and panels, in u16: the part of <see cref="GemmBinary"/>'s tile that differs between tiers.</summary>
internal unsafe interface IBinaryCounter
{
    /// <summary>Rows and panels of a block.</summary>
    static abstract int Rows { get; }

    /// <inheritdoc cref="Rows"/>
    static abstract int Panels { get; }

    /// <summary>counts[row, panel, column] += Σ popcount(a xor b) over some segments of words.</summary>
    static abstract void Count(byte** a, nint* segments, int segmentCount, int words, byte* b, nint panelBytes, ushort* counts);
}

/// <summary>Tiles from blocks of counts.</summary>
internal static unsafe class BinaryCounts
{
    /// <summary>Words whose counts fit u16.</summary>
    public const int MostWords = ushort.MaxValue / 64;

    /// <summary>Words whose counts fit a byte.</summary>
    public const int ByteWords = byte.MaxValue / 64;

    // Panels that stay in the first-level cache, beside the counts of so many rows; rows are a multiple of any block's.
    private const int CacheBytes = 20 << 10, MostRows = 24, MostBlockRows = 8, Alignment = 64;

    // Popcounts of a xor i for values a and i of 6 and of 4 bits, [a, i].
    private static readonly TensorStorage s_six = Table(64), s_four = Table(16);

    /// <summary>Popcounts of all pairs of six bits: row a is 64 bytes.</summary>
    public static byte* Six => s_six.Pointer;

    /// <summary>Popcounts of all pairs of four bits: row a is 16 bytes.</summary>
    public static byte* Four => s_four.Pointer;

    private static TensorStorage Table(int n)
    {
        var t = TensorStorage.Allocate(n * n);
        for (int i = 0; i < n * n; i++) t.Pointer[i] = (byte)System.Numerics.BitOperations.PopCount((uint)(i / n ^ i % n));
        return t;
    }

    /// <summary>The sums of some panels of a tile, from <paramref name="panel"/> on, by a counter of as many; returns the panel behind them.</summary>
    [SkipLocalsInit, MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Run<TCounter>(in GemmBinary.Tile t, int panel, in BinaryLayout layout) where TCounter : struct, IBinaryCounter
    {
        byte* memory = stackalloc byte[MostRows * TCounter.Panels * GemmBinary.PanelColumns * sizeof(ushort) + Alignment];
        ushort* counts = (ushort*)((nuint)(memory + Alignment - 1) & ~(nuint)(Alignment - 1));
        for (; panel <= t.Panels - TCounter.Panels; panel += TCounter.Panels)
            for (int row = 0; row < t.RowCount; row += MostRows) Run<TCounter>(t, panel, row, layout, counts);
        return panel;
    }

    // All rows meet some words of the panels while these are in the first-level cache.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TCounter>(in GemmBinary.Tile t, int panel, int row, in BinaryLayout layout, ushort* counts) where TCounter : struct, IBinaryCounter
    {
        int rows = Math.Min(MostRows, t.RowCount - row), most = Math.Max(1, CacheBytes / (layout.WordBytes * TCounter.Panels));
        nint panelBytes = (nint)t.SegmentCount * t.Words * layout.WordBytes;
        byte* b = t.B + panel * panelBytes;
        bool first = true;
        for (int s = 0, counted = 0, segments; s < t.SegmentCount; s += segments)
        {
            segments = Math.Clamp(most / t.Words, 1, t.SegmentCount - s);
            for (int w = 0, words; w < t.Words; w += words)
            {
                words = Math.Min(most, t.Words - w);
                if (counted + segments * words > MostWords)
                {
                    Store<TCounter>(t, row, rows, panel, counts, first);
                    (counted, first) = (0, false);
                }
                if (counted == 0) new Span<ushort>(counts, rows * TCounter.Panels * GemmBinary.PanelColumns).Clear();
                Count<TCounter>(t, row, rows, s, segments, (nint)w * layout.UnitBytes, words, b, panelBytes, counts);
                counted += segments * words;
                b += (nint)segments * words * layout.WordBytes;
            }
        }
        Store<TCounter>(t, row, rows, panel, counts, first);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Count<TCounter>(in GemmBinary.Tile t, int row, int rows, int segment, int segments, nint offset, int words, byte* b, nint panelBytes, ushort* counts) where TCounter : struct, IBinaryCounter
    {
        byte** a = stackalloc byte*[MostBlockRows];
        for (int i = 0; i < rows; i += TCounter.Rows)
        {
            // Rows that are missing repeat the last one.
            for (int j = 0; j < TCounter.Rows; j++) a[j] = t.Rows[row + Math.Min(i + j, rows - 1)].A + offset;
            TCounter.Count(a, t.Segments + segment, segments, words, b, panelBytes, counts + i * TCounter.Panels * GemmBinary.PanelColumns);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Store<TCounter>(in GemmBinary.Tile t, int row, int rows, int panel, ushort* counts, bool first) where TCounter : struct, IBinaryCounter
    {
        for (int i = 0; i < rows; i++, counts += TCounter.Panels * GemmBinary.PanelColumns)
        {
            int* to = t.C + (row + i) * t.CStride + panel * GemmBinary.PanelColumns, from = first ? t.Rows[row + i].Base + t.Column + panel * GemmBinary.PanelColumns : to;
            for (int j = 0; j < TCounter.Panels * GemmBinary.PanelColumns; j += 32)
            {
                var n = Vector512.Load(counts + j);
                var (low, high) = (Vector512.WidenLower(n).AsInt32(), Vector512.WidenUpper(n).AsInt32());
                (Vector512.Load(from + j) - (low + low)).Store(to + j);
                (Vector512.Load(from + j + 16) - (high + high)).Store(to + j + 16);
            }
        }
    }
}
