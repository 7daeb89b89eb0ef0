using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// The part of <see cref="StridedCopy"/> where x is contiguous along axis <c>across</c> and y along the last: both are walked in
/// tiles, so that each cache line is read and written once.
/// </summary>
internal static unsafe class TileTranspose
{
    /// <summary>Elements along the axis that x is contiguous in: a cache line of 4-byte elements.</summary>
    public const int Block = 16;

    private static readonly bool s_avx = Avx.IsSupported && Tiers.Allowed("avx2");

    /// <summary>True where <see cref="Eight"/> runs.</summary>
    public static bool HasEight => s_avx;

    public static void Run<T>(Workers workers, T* x, T* y, long* dims, long* strides, int rank, int across) where T : unmanaged
    {
        long* yStrides = stackalloc long[rank];
        yStrides[rank - 1] = 1;
        long batches = 1;
        for (int i = rank - 2; i >= 0; i--)
        {
            yStrides[i] = yStrides[i + 1] * dims[i + 1];
            if (i != across) batches *= dims[i];
        }
        int blocks = (int)((dims[across] + Block - 1) / Block);
        workers.For((int)batches * blocks, (int)Math.Max(1, 32768 / (Block * dims[rank - 1])), new Body<T>(x, y, dims, strides, yStrides, rank, across, blocks));
    }

    private readonly struct Body<T>(T* x, T* y, long* dims, long* strides, long* yStrides, int rank, int across, int blocks) : IParallelBody where T : unmanaged
    {
        public void Run(int start, int end)
        {
            for (int unit = start; unit < end; unit++)
            {
                var (batch, block) = Math.DivRem(unit, blocks);
                long rest = batch, from = block * (long)Block, to = from * yStrides[across];
                int rows = (int)Math.Min(Block, dims[across] - from);
                for (int i = rank - 2; i >= 0; i--)
                {
                    if (i == across) continue;
                    (rest, long at) = Math.DivRem(rest, dims[i]);
                    from += at * strides[i];
                    to += at * yStrides[i];
                }
                Tile(x + from, strides[rank - 1], y + to, yStrides[across], rows, (int)dims[rank - 1]);
            }
        }
    }

    /// <summary>y[r, c] = x[c, r] for r &lt; rows ≤ <see cref="Block"/>, c &lt; columns; rows of x are contiguous.</summary>
    public static void Tile<T>(T* x, long xPitch, T* y, long yPitch, int rows, int columns) where T : unmanaged
    {
        int c = 0;
        if (s_avx && sizeof(T) == 4 && rows == Block)
        {
            for (; c + 8 <= columns; c += 8)
            {
                Eight((float*)(x + c * xPitch), xPitch, (float*)(y + c), yPitch);
                Eight((float*)(x + c * xPitch) + 8, xPitch, (float*)(y + c) + 8 * yPitch, yPitch);
            }
        }
        // Eight rows side by side: one line read, eight written on, as many as the first-level cache can hold of one set.
        int r = 0;
        for (; r + 8 <= rows; r += 8)
        {
            T* from = x + c * xPitch + r, y0 = y + r * yPitch, y1 = y0 + yPitch, y2 = y1 + yPitch, y3 = y2 + yPitch;
            T* y4 = y3 + yPitch, y5 = y4 + yPitch, y6 = y5 + yPitch, y7 = y6 + yPitch;
            for (int i = c; i < columns; i++, from += xPitch)
            {
                (y0[i], y1[i], y2[i], y3[i]) = (from[0], from[1], from[2], from[3]);
                (y4[i], y5[i], y6[i], y7[i]) = (from[4], from[5], from[6], from[7]);
            }
        }
        for (; r < rows; r++)
        {
            T* from = x + c * xPitch + r, to = y + r * yPitch;
            for (int i = c; i < columns; i++, from += xPitch) to[i] = *from;
        }
    }

    /// <summary>An 8 × 8 tile in registers: pairs, then quads, then halves. Shuffles move bits, whatever they mean.</summary>
    public static void Eight(float* x, long xPitch, float* y, long yPitch)
    {
        Vector256<float> a0 = Avx.LoadVector256(x), a1 = Avx.LoadVector256(x + xPitch), a2 = Avx.LoadVector256(x + 2 * xPitch), a3 = Avx.LoadVector256(x + 3 * xPitch);
        Vector256<float> a4 = Avx.LoadVector256(x + 4 * xPitch), a5 = Avx.LoadVector256(x + 5 * xPitch), a6 = Avx.LoadVector256(x + 6 * xPitch), a7 = Avx.LoadVector256(x + 7 * xPitch);
        Vector256<float> b0 = Avx.UnpackLow(a0, a1), b1 = Avx.UnpackHigh(a0, a1), b2 = Avx.UnpackLow(a2, a3), b3 = Avx.UnpackHigh(a2, a3);
        Vector256<float> b4 = Avx.UnpackLow(a4, a5), b5 = Avx.UnpackHigh(a4, a5), b6 = Avx.UnpackLow(a6, a7), b7 = Avx.UnpackHigh(a6, a7);
        a0 = Avx.Shuffle(b0, b2, 0x44);
        a1 = Avx.Shuffle(b0, b2, 0xEE);
        a2 = Avx.Shuffle(b1, b3, 0x44);
        a3 = Avx.Shuffle(b1, b3, 0xEE);
        a4 = Avx.Shuffle(b4, b6, 0x44);
        a5 = Avx.Shuffle(b4, b6, 0xEE);
        a6 = Avx.Shuffle(b5, b7, 0x44);
        a7 = Avx.Shuffle(b5, b7, 0xEE);
        Avx.Store(y, Avx.Permute2x128(a0, a4, 0x20));
        Avx.Store(y + yPitch, Avx.Permute2x128(a1, a5, 0x20));
        Avx.Store(y + 2 * yPitch, Avx.Permute2x128(a2, a6, 0x20));
        Avx.Store(y + 3 * yPitch, Avx.Permute2x128(a3, a7, 0x20));
        Avx.Store(y + 4 * yPitch, Avx.Permute2x128(a0, a4, 0x31));
        Avx.Store(y + 5 * yPitch, Avx.Permute2x128(a1, a5, 0x31));
        Avx.Store(y + 6 * yPitch, Avx.Permute2x128(a2, a6, 0x31));
        Avx.Store(y + 7 * yPitch, Avx.Permute2x128(a3, a7, 0x31));
    }
}
