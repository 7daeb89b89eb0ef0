using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

public sealed unsafe partial class ConvDepthwiseU8S8
{
    /// <summary>
    /// sums[i, c] = start[c] + Σ over taps of x[i · pixelStride + offsets[t] + c] · w[t, c] for 32 channels: <paramref name="offsets"/> and weights in
    /// pairs of taps, the weights of a pair in the order of <see cref="Lane"/>.
    /// </summary>
    public delegate void TileFn(byte* x, nint pixelStride, nint* offsets, int pairs, short* weights, int* start, int* sums, int pixels);

    /// <summary>Best first: vpmaddwd adds a pair of taps a lane, of codes widened to 16 bits and interleaved.</summary>
    public static KernelTable<TileFn> Table { get; } = new("conv-depthwise-u8s8",
        new("avx512", Avx512BW.IsSupported, TileAvx512),
        new("avx2", Avx2.IsSupported, TileAvx2),
        new("scalar", true, TileScalar));

    /// <summary>Where channel <paramref name="c"/> of a block lies among its weights: interleaving works on 128 bits, eight channels of a lane, the first four of each first.</summary>
    private static int Lane(int c) => c / 8 * 4 + c % 4 + (c % 8 < 4 ? 0 : Block / 2);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx512(byte* x, nint pixelStride, nint* offsets, int pairs, short* weights, int* start, int* sums, int pixels)
    {
        Vector512<int> start0 = Vector512.Load(start), start1 = Vector512.Load(start + 16);
        // Back to channels in order: lanes of both halves take turns.
        Vector512<int> order0 = Vector512.Create(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23), order1 = order0 + Vector512.Create(8);
        int i = 0;
        for (; i <= pixels - 2; i += 2, x += 2 * pixelStride, sums += 2 * Block)
        {
            Vector512<int> low0 = default, high0 = default, low1 = default, high1 = default;
            nint* o = offsets;
            short* w = weights;
            for (int p = pairs; p > 0; p--, o += 2, w += 2 * Block)
            {
                byte* at0 = x + o[0], at1 = x + o[1];
                Vector512<short> w0 = Vector512.Load(w), w1 = Vector512.Load(w + Block);
                var a = Avx512BW.ConvertToVector512Int16(Vector256.Load(at0));
                var b = Avx512BW.ConvertToVector512Int16(Vector256.Load(at1));
                low0 += Avx512BW.MultiplyAddAdjacent(Avx512BW.UnpackLow(a, b), w0);
                high0 += Avx512BW.MultiplyAddAdjacent(Avx512BW.UnpackHigh(a, b), w1);
                a = Avx512BW.ConvertToVector512Int16(Vector256.Load(at0 + pixelStride));
                b = Avx512BW.ConvertToVector512Int16(Vector256.Load(at1 + pixelStride));
                low1 += Avx512BW.MultiplyAddAdjacent(Avx512BW.UnpackLow(a, b), w0);
                high1 += Avx512BW.MultiplyAddAdjacent(Avx512BW.UnpackHigh(a, b), w1);
            }
            (Avx512F.PermuteVar16x32x2(low0, order0, high0) + start0).Store(sums);
            (Avx512F.PermuteVar16x32x2(low0, order1, high0) + start1).Store(sums + 16);
            (Avx512F.PermuteVar16x32x2(low1, order0, high1) + start0).Store(sums + Block);
            (Avx512F.PermuteVar16x32x2(low1, order1, high1) + start1).Store(sums + Block + 16);
        }
        if (i == pixels) return;
        Vector512<int> low = default, high = default;
        for (int p = 0; p < pairs; p++)
        {
            var a = Avx512BW.ConvertToVector512Int16(Vector256.Load(x + offsets[2 * p]));
            var b = Avx512BW.ConvertToVector512Int16(Vector256.Load(x + offsets[2 * p + 1]));
            low += Avx512BW.MultiplyAddAdjacent(Avx512BW.UnpackLow(a, b), Vector512.Load(weights + 2 * p * Block));
            high += Avx512BW.MultiplyAddAdjacent(Avx512BW.UnpackHigh(a, b), Vector512.Load(weights + 2 * p * Block + Block));
        }
        (Avx512F.PermuteVar16x32x2(low, order0, high) + start0).Store(sums);
        (Avx512F.PermuteVar16x32x2(low, order1, high) + start1).Store(sums + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx2(byte* x, nint pixelStride, nint* offsets, int pairs, short* weights, int* start, int* sums, int pixels)
    {
        for (int i = 0; i < pixels; i++, x += pixelStride, sums += Block)
        {
            Vector256<int> low0 = default, high0 = default, low1 = default, high1 = default;
            short* w = weights;
            for (int p = 0; p < pairs; p++, w += 2 * Block)
            {
                byte* at0 = x + offsets[2 * p], at1 = x + offsets[2 * p + 1];
                Vector256<short> a = Avx2.ConvertToVector256Int16(at0), b = Avx2.ConvertToVector256Int16(at1);
                low0 += Avx2.MultiplyAddAdjacent(Avx2.UnpackLow(a, b), Vector256.Load(w));
                high0 += Avx2.MultiplyAddAdjacent(Avx2.UnpackHigh(a, b), Vector256.Load(w + Block));
                (a, b) = (Avx2.ConvertToVector256Int16(at0 + 16), Avx2.ConvertToVector256Int16(at1 + 16));
                low1 += Avx2.MultiplyAddAdjacent(Avx2.UnpackLow(a, b), Vector256.Load(w + 16));
                high1 += Avx2.MultiplyAddAdjacent(Avx2.UnpackHigh(a, b), Vector256.Load(w + Block + 16));
            }
            (Avx2.Permute2x128(low0, high0, 0x20) + Vector256.Load(start)).Store(sums);
            (Avx2.Permute2x128(low0, high0, 0x31) + Vector256.Load(start + 8)).Store(sums + 8);
            (Avx2.Permute2x128(low1, high1, 0x20) + Vector256.Load(start + 16)).Store(sums + 16);
            (Avx2.Permute2x128(low1, high1, 0x31) + Vector256.Load(start + 24)).Store(sums + 24);
        }
    }

    private static void TileScalar(byte* x, nint pixelStride, nint* offsets, int pairs, short* weights, int* start, int* sums, int pixels)
    {
        for (int i = 0; i < pixels; i++)
            for (int c = 0; c < Block; c++)
            {
                int sum = start[c], lane = 2 * Lane(c);
                for (int p = 0; p < pairs; p++)
                {
                    short* w = weights + 2 * p * Block + lane;
                    sum = unchecked(sum + x[i * pixelStride + offsets[2 * p] + c] * w[0] + x[i * pixelStride + offsets[2 * p + 1] + c] * w[1]);
                }
                sums[i * Block + c] = sum;
            }
    }
}
