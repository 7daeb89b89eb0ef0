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

    /// <summary>counts[row, panel, column] = Σ popcount(a xor b) over some segments of words; at most <see cref="BinaryCounts.MostWords"/> words in all.</summary>
    static abstract void Count(byte** a, nint* segments, int segmentCount, int words, byte* b, nint panelBytes, ushort* counts);
}

/// <summary>Tiles from blocks of counts.</summary>
internal static unsafe class BinaryCounts
{
    /// <summary>Words whose counts fit u16.</summary>
    public const int MostWords = ushort.MaxValue / 64;

    /// <summary>Words whose counts fit a byte.</summary>
    public const int ByteWords = byte.MaxValue / 64;

    private const int MostRows = 8, MostBlock = 16, Alignment = 64;

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
    public static int Run<TCounter>(in GemmBinary.Tile t, int panel, in BinaryLayout layout) where TCounter : struct, IBinaryCounter
    {
        byte* memory = stackalloc byte[MostBlock * GemmBinary.PanelColumns * sizeof(ushort) + Alignment];
        ushort* counts = (ushort*)((nuint)(memory + Alignment - 1) & ~(nuint)(Alignment - 1));
        byte** a = stackalloc byte*[MostRows];
        int depth = t.SegmentCount * t.Words;
        nint panelBytes = (nint)depth * layout.WordBytes;
        for (; panel <= t.Panels - TCounter.Panels; panel += TCounter.Panels)
            for (int row = 0; row < t.RowCount; row += TCounter.Rows)
            {
                // Rows that are missing repeat the last one.
                for (int i = 0; i < TCounter.Rows; i++) a[i] = t.Rows[Math.Min(row + i, t.RowCount - 1)].A;
                byte* b = t.B + panel * panelBytes;
                if (depth <= MostWords)
                {
                    TCounter.Count(a, t.Segments, t.SegmentCount, t.Words, b, panelBytes, counts);
                    Store<TCounter>(t, row, panel, counts, true);
                    continue;
                }
                for (int s = 0, done = 0; s < t.SegmentCount; s++)
                    for (int w = 0, used; w < t.Words; w += used, done += used)
                    {
                        used = Math.Min(MostWords, t.Words - w);
                        nint segment = t.Segments[s] + (nint)w * layout.UnitBytes;
                        TCounter.Count(a, &segment, 1, used, b + (nint)done * layout.WordBytes, panelBytes, counts);
                        Store<TCounter>(t, row, panel, counts, done == 0);
                    }
            }
        return panel;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TCounter>(in GemmBinary.Tile t, int row, int panel, ushort* counts, bool first) where TCounter : struct, IBinaryCounter
    {
        for (int i = 0; i < TCounter.Rows && row + i < t.RowCount; i++, counts += TCounter.Panels * GemmBinary.PanelColumns)
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
