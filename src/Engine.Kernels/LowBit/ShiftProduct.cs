using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

/// <summary>
/// y[m, n] = Σk V[k, n] · 2^(15 − q[m, k]) for exponents q (16 and above: zero) and s8 values, exact in 32 bits (wrapping beyond): the weighted sum of attention whose
/// weights are powers of two. Exponents of one row that come from a softmax add up to at most √2, and y to 127 · √2 · 2^15.
/// </summary>
public static unsafe partial class ShiftProduct
{
    /// <summary>Shorts of packed V of <paramref name="batch"/> products.</summary>
    public static long PackedLength(int batch, int k, int n) => Tensors.Checked.Mul(batch, PanelsLength(k, n));

    // Whole panels, and whole pairs of k.
    private static long PanelsLength(int k, int n) => Tensors.Checked.Mul(Tensors.Checked.AlignUp(n, TileColumns), Padded(k));

    private static int Padded(int k) => checked(k + (k & 1));

    /// <summary>
    /// Products of codes [batch, m, k] and values [batch, k, n], tile by tile into <paramref name="store"/>, whose rows count on over the batch.
    /// <paramref name="packed"/> has room for <see cref="PackedLength"/> shorts.
    /// </summary>
    public static void Run<TStore>(Workers workers, int batch, int m, int n, int k, byte* codes, sbyte* values, short* packed, in TStore store) where TStore : struct, ITileStore
    {
        if (batch == 0 || m == 0 || n == 0) return;
        workers.For(batch, (int)Math.Clamp(65536 / Math.Max(1, (long)k * n), 1, 1024), new PackBody(n, k, values, packed));
        int tiles = (m + TileRows - 1) / TileRows;
        double work = (double)TileRows * n * k;
        workers.For(Tensors.Checked.Int((long)batch * tiles), (int)Math.Clamp(262144 / Math.Max(1, work), 1, 1024), new TileBody<TStore>(m, n, k, codes, packed, store, tiles));
    }

    private readonly struct PackBody(int n, int k, sbyte* values, short* packed) : IParallelBody
    {
        public void Run(int start, int end)
        {
            nint length = (nint)PanelsLength(k, n);
            for (int i = start; i < end; i++) Pack(values + (nint)i * k * n, packed + i * length);
        }

        // Panels of 16 columns, two k beside each other.
        private void Pack(sbyte* from, short* to)
        {
            for (int column = 0; column < n; column += TileColumns)
                for (int p = 0; p < k; p += 2, to += 2 * TileColumns)
                {
                    sbyte* a = from + (nint)p * n + column, b = a + n;
                    if (column + TileColumns <= n && p + 1 < k)
                    {
                        var (a0, a1) = Vector128.Widen(Vector128.Load(a));
                        var (b0, b1) = Vector128.Widen(Vector128.Load(b));
                        Pairs(a0, b0, to);
                        Pairs(a1, b1, to + TileColumns);
                        continue;
                    }
                    for (int j = 0; j < TileColumns; j++)
                    {
                        to[2 * j] = column + j < n ? a[j] : (short)0;
                        to[2 * j + 1] = column + j < n && p + 1 < k ? b[j] : (short)0;
                    }
                }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Pairs(Vector128<short> a, Vector128<short> b, short* to)
        {
            var lower = Vector128.Create(0xffff);
            var (a0, a1) = Vector128.Widen(a);
            var (b0, b1) = Vector128.Widen(b);
            (a0 & lower | b0 << 16).AsInt16().Store(to);
            (a1 & lower | b1 << 16).AsInt16().Store(to + 8);
        }
    }

    private readonly struct TileBody<TStore>(int m, int n, int k, byte* codes, short* packed, TStore store, int tiles) : IParallelBody where TStore : struct, ITileStore
    {
        public void Run(int start, int end)
        {
            var (tile, multipliers) = (Table.Best, ShiftMultipliers.Table.Best);
            int width = Padded(k);
            nint length = (nint)PanelsLength(k, n);
            short* rows = (short*)Scratch.Get(2L * TileRows * width);
            int* sums = stackalloc int[TileRows * TileColumns];
            for (int unit = start; unit < end; unit++)
            {
                int item = unit / tiles, row = unit % tiles * TileRows, count = Math.Min(TileRows, m - row);
                for (int i = 0; i < count; i++)
                {
                    multipliers(codes + ((nint)item * m + row + i) * k, rows + i * width, k);
                    if (width > k) rows[i * width + k] = 0;
                }
                for (int column = 0; column < n; column += TileColumns)
                {
                    tile(rows, width, count, packed + item * length + (nint)column * width, width / 2, sums);
                    for (int i = 0; i < count * TileColumns; i++) sums[i] = unchecked(-sums[i]);
                    store.Store(sums, TileColumns, item * m + row, row, count, column, Math.Min(TileColumns, n - column));
                }
            }
        }
    }
}
