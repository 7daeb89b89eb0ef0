using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Between plain [n, c, spatial] and blocked [n, ⌈c / block⌉, spatial, block], padding lanes zero.</summary>
public static unsafe class BlockedConvert
{
    private const int PixelTile = 64;

    /// <summary>Plain to blocked.</summary>
    public static void ToBlocked(Workers workers, ReadOnlySpan<float> x, int n, int c, int spatial, int block, Span<float> y)
    {
        int blocks = (c + block - 1) / block;
        if (y.IsEmpty) return;
        fixed (float* px = x, py = y) workers.For(Tensors.Checked.Int((long)n * blocks), Grain(spatial, block), new ToBody(px, py, c, blocks, spatial, block));
    }

    /// <summary>Blocked to plain; padding lanes are dropped.</summary>
    public static void FromBlocked(Workers workers, ReadOnlySpan<float> x, int n, int c, int spatial, int block, Span<float> y)
    {
        int blocks = (c + block - 1) / block;
        if (y.IsEmpty) return;
        fixed (float* px = x, py = y) workers.For(Tensors.Checked.Int((long)n * blocks), Grain(spatial, block), new FromBody(px, py, c, blocks, spatial, block));
    }

    private static int Grain(int spatial, int block) => (int)Math.Clamp(16384 / Math.Max(1, (long)spatial * block), 1, 1 << 20);

    private readonly struct ToBody(float* x, float* y, int c, int blocks, int spatial, int block) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++)
            {
                int first = i % blocks * block, lanes = Math.Min(block, c - first);
                float* from = x + ((nint)(i / blocks) * c + first) * spatial, to = y + (nint)i * spatial * block;
                int p = 0;
                if (block == 16 && lanes == 16)
                {
                    if (TileTranspose.HasEight)
                        for (; p <= spatial - 16; p += 16)
                            for (int l = 0; l < 16; l += 8)
                            {
                                // Whole cache lines of eight channels: channels may lie a power of two apart, all in one set of the cache.
                                TileTranspose.Eight(from + (nint)l * spatial + p, spatial, to + (nint)p * 16 + l, 16);
                                TileTranspose.Eight(from + (nint)l * spatial + p + 8, spatial, to + (nint)(p + 8) * 16 + l, 16);
                            }
                    for (; p <= spatial - 4; p += 4)
                        for (int l = 0; l < 16; l += 4) Transpose(from + (nint)l * spatial + p, spatial, to + (nint)p * 16 + l, 16);
                }
                for (; p < spatial; p += PixelTile)
                {
                    int stop = Math.Min(spatial, p + PixelTile);
                    for (int l = 0; l < lanes; l++)
                        for (int q = p; q < stop; q++) to[(nint)q * block + l] = from[(nint)l * spatial + q];
                    for (int q = p; q < stop; q++) new Span<float>(to + (nint)q * block + lanes, block - lanes).Clear();
                }
            }
        }
    }

    private readonly struct FromBody(float* x, float* y, int c, int blocks, int spatial, int block) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++)
            {
                int first = i % blocks * block, lanes = Math.Min(block, c - first);
                float* from = x + (nint)i * spatial * block, to = y + ((nint)(i / blocks) * c + first) * spatial;
                int p = 0;
                if (block == 16 && lanes == 16)
                {
                    if (TileTranspose.HasEight)
                        for (; p <= spatial - 16; p += 16)
                            for (int l = 0; l < 16; l += 8)
                            {
                                TileTranspose.Eight(from + (nint)p * 16 + l, 16, to + (nint)l * spatial + p, spatial);
                                TileTranspose.Eight(from + (nint)(p + 8) * 16 + l, 16, to + (nint)l * spatial + p + 8, spatial);
                            }
                    for (; p <= spatial - 4; p += 4)
                        for (int l = 0; l < 16; l += 4) Transpose(from + (nint)p * 16 + l, 16, to + (nint)l * spatial + p, spatial);
                }
                for (; p < spatial; p += PixelTile)
                {
                    int stop = Math.Min(spatial, p + PixelTile);
                    for (int l = 0; l < lanes; l++)
                        for (int q = p; q < stop; q++) to[(nint)l * spatial + q] = from[(nint)q * block + l];
                }
            }
        }
    }

    /// <summary>A 4 × 4 transpose in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(float* x, nint xStep, float* y, nint yStep)
    {
        Vector128<float> a = Vector128.Load(x), b = Vector128.Load(x + xStep), c = Vector128.Load(x + 2 * xStep), d = Vector128.Load(x + 3 * xStep);
        Vector128<float> ac = Low(a, c), bd = Low(b, d), ac2 = High(a, c), bd2 = High(b, d);
        Low(ac, bd).Store(y);
        High(ac, bd).Store(y + yStep);
        Low(ac2, bd2).Store(y + 2 * yStep);
        High(ac2, bd2).Store(y + 3 * yStep);
    }

    // a0 b0 a1 b1
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Low(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackLow(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b)
        : Vector128.Create(a[0], b[0], a[1], b[1]);

    // a2 b2 a3 b3
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> High(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackHigh(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b)
        : Vector128.Create(a[2], b[2], a[3], b[3]);
}
