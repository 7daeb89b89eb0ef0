using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// Moves between planes [N, C, S] and channels-last u8 codes [N, S, C], C padded to a multiple of 4: f32 planes are rounded to the grid and back,
/// i8 codes have their sign bit flipped.
/// </summary>
public static unsafe class ChannelsLast
{
    // Pixels of one step; also the unit of the partition.
    private const int Chunk = 64;

    /// <summary>Channels with those that fill the last quad.</summary>
    public static int Padded(int channels) => checked(channels + 3) & ~3;

    /// <summary>Rounds f32 planes to the grid's codes.</summary>
    public static void Quantize(Workers workers, float* x, int batch, int channels, int pixels, CodeGrid grid, byte* y) => Run(workers, new QuantizeBody(x, null, channels, pixels, grid, y), batch, channels, pixels);

    /// <summary>Interleaves planes of codes.</summary>
    public static void FromPlanes(Workers workers, byte* x, int batch, int channels, int pixels, CodeGrid grid, byte* y) => Run(workers, new QuantizeBody(null, x, channels, pixels, grid, y), batch, channels, pixels);

    /// <summary>The values of codes as f32 planes.</summary>
    public static void Dequantize(Workers workers, byte* x, int batch, int channels, int pixels, CodeGrid grid, float* y) => Run(workers, new PlanesBody(x, channels, pixels, grid, y, null), batch, channels, pixels);

    /// <summary>Planes of codes.</summary>
    public static void ToPlanes(Workers workers, byte* x, int batch, int channels, int pixels, CodeGrid grid, byte* y) => Run(workers, new PlanesBody(x, channels, pixels, grid, null, y), batch, channels, pixels);

    private static void Run<TBody>(Workers workers, TBody body, int batch, int channels, int pixels) where TBody : struct, IParallelBody =>
        workers.For(Tensors.Checked.Int(Tensors.Checked.Mul(batch, (pixels + Chunk - 1) / Chunk)), (int)Math.Max(1, 32768 / ((long)Chunk * Math.Max(1, channels))), body);

    private readonly struct QuantizeBody(float* values, byte* codes, int channels, int pixels, CodeGrid grid, byte* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int chunks = (pixels + Chunk - 1) / Chunk, padded = Padded(channels);
            byte* quad = stackalloc byte[4 * Chunk];
            new Span<byte>(quad, 4 * Chunk).Clear();
            for (int unit = start; unit < end; unit++)
            {
                var (n, chunk) = Math.DivRem(unit, chunks);
                int first = chunk * Chunk, count = Math.Min(Chunk, pixels - first);
                byte* to = y + ((nint)n * pixels + first) * padded;
                for (int c = 0; c < channels; c += 4)
                {
                    for (int k = 0; k < Math.Min(4, channels - c); k++)
                    {
                        nint at = ((nint)n * channels + c + k) * pixels + first;
                        var row = new Span<byte>(quad + k * Chunk, count);
                        if (values != null) QuantizeF32.Table.Best(new(values + at, count), grid.Scale, grid.Zero, grid.Min, grid.Max, row);
                        else new ReadOnlySpan<byte>(codes + at, count).CopyTo(row);
                    }
                    Interleave(quad, count, grid.Signed ? 0x80808080 : 0, to + c, padded);
                }
            }
        }
    }

    private readonly struct PlanesBody(byte* x, int channels, int pixels, CodeGrid grid, float* values, byte* codes) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int chunks = (pixels + Chunk - 1) / Chunk, padded = Padded(channels);
            byte* row = stackalloc byte[Chunk];
            byte flip = (byte)(grid.Signed ? 0x80 : 0);
            for (int unit = start; unit < end; unit++)
            {
                var (n, chunk) = Math.DivRem(unit, chunks);
                int first = chunk * Chunk, count = Math.Min(Chunk, pixels - first);
                byte* from = x + ((nint)n * pixels + first) * padded;
                for (int c = 0; c < channels; c++)
                {
                    for (int i = 0; i < count; i++) row[i] = (byte)(from[(nint)i * padded + c] ^ flip);
                    nint at = ((nint)n * channels + c) * pixels + first;
                    if (values != null) Dequantize8.Table.Best(new(row, count), grid.Signed, grid.Scale, grid.Zero, new(values + at, count));
                    else new ReadOnlySpan<byte>(row, count).CopyTo(new(codes + at, count));
                }
            }
        }
    }

    // Four rows of codes become quads, a pixel `stride` bytes behind the other.
    private static void Interleave(byte* rows, int count, uint flip, byte* to, nint stride)
    {
        int i = 0;
        if (Sse2.IsSupported || AdvSimd.Arm64.IsSupported)
            for (; i <= count - 16; i += 16)
            {
                Vector128<byte> a = Vector128.Load(rows + i), b = Vector128.Load(rows + Chunk + i), c = Vector128.Load(rows + 2 * Chunk + i), d = Vector128.Load(rows + 3 * Chunk + i);
                Vector128<short> ab = Low(a, b).AsInt16(), cd = Low(c, d).AsInt16(), ab2 = High(a, b).AsInt16(), cd2 = High(c, d).AsInt16();
                var f = Vector128.Create(flip);
                Store(Low(ab, cd).AsUInt32() ^ f, to + i * stride, stride);
                Store(High(ab, cd).AsUInt32() ^ f, to + (i + 4) * stride, stride);
                Store(Low(ab2, cd2).AsUInt32() ^ f, to + (i + 8) * stride, stride);
                Store(High(ab2, cd2).AsUInt32() ^ f, to + (i + 12) * stride, stride);
            }
        for (; i < count; i++) Unsafe.WriteUnaligned(to + i * stride, (rows[i] | (uint)rows[Chunk + i] << 8 | (uint)rows[2 * Chunk + i] << 16 | (uint)rows[3 * Chunk + i] << 24) ^ flip);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<uint> pixels, byte* to, nint stride)
    {
        if (stride == 4)
        {
            pixels.Store((uint*)to);
            return;
        }
        for (int i = 0; i < 4; i++) Unsafe.WriteUnaligned(to + i * stride, pixels.GetElement(i));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Low(Vector128<byte> a, Vector128<byte> b) => Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> High(Vector128<byte> a, Vector128<byte> b) => Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> Low(Vector128<short> a, Vector128<short> b) => Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> High(Vector128<short> a, Vector128<short> b) => Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);
}
