using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Bit-sliced counts of agreeing inputs as sums of signs.</summary>
public static unsafe class PlaneSums
{
    /// <summary>Most bits.</summary>
    public const int MostBits = 16;

    /// <summary>Offsets are readable up to a multiple of so many.</summary>
    public const int OffsetLanes = 16;

    private const int Pixels = BitPlanes.BlockPixels, Plane = BitPlanes.PlaneBytes, Eight = 8;

    /// <summary>
    /// y[p] = 2 · ((n + start) mod 2^bits) − offsets[classes[p]], p below 512: n is the number whose bits are those of pixel p in <paramref name="bits"/> planes from the lowest, up to <see cref="MostBits"/>;
    /// of <paramref name="offsets"/> there are <paramref name="count"/>.
    /// </summary>
    public delegate void Fn(byte* planes, int bits, int start, int* classes, int* offsets, int count, int* y);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("plane-sums",
        new("avx512", Avx512BW.IsSupported && Gfni.V512.IsSupported && Vector512.IsHardwareAccelerated, Avx512),
        new("avx2", Avx2.IsSupported, Run<Vector256<ulong>, BitLanes256>),
        new("advsimd", AdvSimd.Arm64.IsSupported, Run<Vector128<ulong>, BitLanes128>),
        new("scalar", true, Scalar));

    private static void Scalar(byte* planes, int bits, int start, int* classes, int* offsets, int count, int* y)
    {
        for (int p = 0; p < Pixels; p++)
        {
            int v = 0;
            for (int i = 0; i < bits; i++) v |= (planes[i * Plane + p / 8] >> (p % 8) & 1) << i;
            y[p] = 2 * ((v + start) & ((1 << bits) - 1)) - offsets[classes[p]];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Avx512(byte* planes, int bits, int start, int* classes, int* offsets, int count, int* y)
    {
        byte* bytes = stackalloc byte[2 * Pixels + 64];
        bytes = (byte*)((nint)(bytes + 63) & ~63);
        Turn(planes, Math.Min(bits, 8), bytes);
        if (bits > 8) Turn(planes + 8 * Plane, bits - 8, bytes + Pixels);
        else new Span<byte>(bytes + Pixels, Pixels).Clear();
        bool few = count <= OffsetLanes;
        Vector512<int> begin = Vector512.Create(start), wrap = Vector512.Create((1 << bits) - 1), table = Vector512.Load(offsets);
        for (int p = 0; p < Pixels; p += 16)
        {
            // As the shuffles within 128 bits leave them: eight vectors of every fourth 16 pixels each.
            byte* at = bytes + (p / 16 % 8 * 64) + p / 128 * 16;
            var n = Avx512F.ConvertToVector512Int32(Vector128.Load(at)) | Avx512F.ConvertToVector512Int32(Vector128.Load(at + Pixels)) << 8;
            n = n + begin & wrap;
            var offset = few ? Avx512F.PermuteVar16x32(table, Vector512.Load(classes + p)) : Gather(offsets, classes + p);
            (n + n - offset).Store(y + p);
        }
    }

    private static Vector512<int> Gather(int* offsets, int* classes)
    {
        int* all = stackalloc int[16];
        for (int i = 0; i < 16; i++) all[i] = offsets[classes[i]];
        return Vector512.Load(all);
    }

    // Bytes of eight planes side by side are squares of 8 × 8 bits, which a product with the unit matrix transposes: byte k of a square is then the number of its pixel k.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(byte* planes, int count, byte* y)
    {
        Vector512<byte> a = Row(planes, 7, count), b = Row(planes, 6, count), c = Row(planes, 5, count), d = Row(planes, 4, count);
        Vector512<ushort> ab = Avx512BW.UnpackLow(a, b).AsUInt16(), ab1 = Avx512BW.UnpackHigh(a, b).AsUInt16(), cd = Avx512BW.UnpackLow(c, d).AsUInt16(), cd1 = Avx512BW.UnpackHigh(c, d).AsUInt16();
        Vector512<uint> p0 = Avx512BW.UnpackLow(ab, cd).AsUInt32(), p1 = Avx512BW.UnpackHigh(ab, cd).AsUInt32(), p2 = Avx512BW.UnpackLow(ab1, cd1).AsUInt32(), p3 = Avx512BW.UnpackHigh(ab1, cd1).AsUInt32();
        (a, b, c, d) = (Row(planes, 3, count), Row(planes, 2, count), Row(planes, 1, count), Row(planes, 0, count));
        (ab, ab1, cd, cd1) = (Avx512BW.UnpackLow(a, b).AsUInt16(), Avx512BW.UnpackHigh(a, b).AsUInt16(), Avx512BW.UnpackLow(c, d).AsUInt16(), Avx512BW.UnpackHigh(c, d).AsUInt16());
        Vector512<uint> q0 = Avx512BW.UnpackLow(ab, cd).AsUInt32(), q1 = Avx512BW.UnpackHigh(ab, cd).AsUInt32(), q2 = Avx512BW.UnpackLow(ab1, cd1).AsUInt32(), q3 = Avx512BW.UnpackHigh(ab1, cd1).AsUInt32();
        Square(Avx512F.UnpackLow(p0, q0), y);
        Square(Avx512F.UnpackHigh(p0, q0), y + 64);
        Square(Avx512F.UnpackLow(p1, q1), y + 128);
        Square(Avx512F.UnpackHigh(p1, q1), y + 192);
        Square(Avx512F.UnpackLow(p2, q2), y + 256);
        Square(Avx512F.UnpackHigh(p2, q2), y + 320);
        Square(Avx512F.UnpackLow(p3, q3), y + 384);
        Square(Avx512F.UnpackHigh(p3, q3), y + 448);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Row(byte* planes, int i, int count) => i < count ? Vector512.Load(planes + i * Plane) : Vector512<byte>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Square(Vector512<uint> rows, byte* y) => Gfni.V512.GaloisFieldAffineTransform(Vector512.Create(0x8040201008040201ul).AsByte(), rows.AsByte(), 0).Store(y);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TVector, TLanes>(byte* planes, int bits, int start, int* classes, int* offsets, int count, int* y) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        byte* rows = stackalloc byte[MostBits * Plane];
        short* turned = stackalloc short[Pixels];
        // As matrices of 16 × 16 bits side by side: number p is then column p / 16 of row p mod 16.
        for (int lane = 0; lane < Plane; lane += TLanes.Bytes)
        {
            Halve<TVector, TLanes>(planes + lane, bits, rows + lane, 8, 0x00ff00ff, 0x0f0f0f0f);
            Halve<TVector, TLanes>(rows + lane, MostBits, rows + lane, 2, 0x33333333, 0x55555555);
        }
        for (int q = 0; q < Pixels / MostBits; q += Eight)
            for (int j = 0; j < MostBits; j += Eight) Columns((short*)(rows + j * Plane) + q, turned + q * MostBits + j);
        Vector256<int> begin = Vector256.Create(start), wrap = Vector256.Create((1 << bits) - 1), offset = Vector256.Create(count == 1 ? offsets[0] : 0);
        for (int p = 0; p < Pixels; p += 2 * Vector256<int>.Count)
        {
            var n = Vector256.Load(turned + p);
            Vector256<int> low = (Vector256.WidenLower(n) + begin) & wrap, high = (Vector256.WidenUpper(n) + begin) & wrap;
            (low + low - offset).Store(y + p);
            (high + high - offset).Store(y + p + Vector256<int>.Count);
        }
        if (count > 1)
            for (int p = 0; p < Pixels; p++) y[p] -= offsets[classes[p]];
    }

    // Eight rows of eight numbers, rows a plane apart, as columns MostBits apart.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Columns(short* x, short* y)
    {
        const int Step = Plane / sizeof(short);
        Vector128<short> x0 = Vector128.Load(x), x1 = Vector128.Load(x + Step), x2 = Vector128.Load(x + 2 * Step), x3 = Vector128.Load(x + 3 * Step);
        Vector128<short> x4 = Vector128.Load(x + 4 * Step), x5 = Vector128.Load(x + 5 * Step), x6 = Vector128.Load(x + 6 * Step), x7 = Vector128.Load(x + 7 * Step);
        Vector128<int> a0 = Low(x0, x1).AsInt32(), a1 = High(x0, x1).AsInt32(), a2 = Low(x2, x3).AsInt32(), a3 = High(x2, x3).AsInt32();
        Vector128<int> a4 = Low(x4, x5).AsInt32(), a5 = High(x4, x5).AsInt32(), a6 = Low(x6, x7).AsInt32(), a7 = High(x6, x7).AsInt32();
        Vector128<long> b0 = Low(a0, a2).AsInt64(), b1 = High(a0, a2).AsInt64(), b2 = Low(a1, a3).AsInt64(), b3 = High(a1, a3).AsInt64();
        Vector128<long> b4 = Low(a4, a6).AsInt64(), b5 = High(a4, a6).AsInt64(), b6 = Low(a5, a7).AsInt64(), b7 = High(a5, a7).AsInt64();
        Low(b0, b4).AsInt16().Store(y);
        High(b0, b4).AsInt16().Store(y + MostBits);
        Low(b1, b5).AsInt16().Store(y + 2 * MostBits);
        High(b1, b5).AsInt16().Store(y + 3 * MostBits);
        Low(b2, b6).AsInt16().Store(y + 4 * MostBits);
        High(b2, b6).AsInt16().Store(y + 5 * MostBits);
        Low(b3, b7).AsInt16().Store(y + 6 * MostBits);
        High(b3, b7).AsInt16().Store(y + 7 * MostBits);
    }

    // Elements of the lower or upper halves in turn.
    private static Vector128<short> Low(Vector128<short> a, Vector128<short> b) => Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    private static Vector128<short> High(Vector128<short> a, Vector128<short> b) => Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);

    private static Vector128<int> Low(Vector128<int> a, Vector128<int> b) => Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    private static Vector128<int> High(Vector128<int> a, Vector128<int> b) => Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);

    private static Vector128<long> Low(Vector128<long> a, Vector128<long> b) => Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    private static Vector128<long> High(Vector128<long> a, Vector128<long> b) => Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Halve<TVector, TLanes>(byte* x, int rows, byte* y, int size, uint wide, uint narrow) where TVector : unmanaged where TLanes : struct, IBitLanes<TVector>
    {
        int half = size / 2;
        TVector first = TLanes.Of(wide), second = TLanes.Of(narrow);
        for (int i = 0; i < MostBits; i++)
        {
            if ((i & (size | half)) != 0) continue;
            // Above the highest is the sign.
            TVector a = TLanes.Load(x + Math.Min(i, rows - 1) * Plane), b = TLanes.Load(x + Math.Min(i + half, rows - 1) * Plane);
            TVector c = TLanes.Load(x + Math.Min(i + size, rows - 1) * Plane), d = TLanes.Load(x + Math.Min(i + size + half, rows - 1) * Plane);
            BitTranspose.Swap<TVector, TLanes>(ref a, ref c, size, first);
            BitTranspose.Swap<TVector, TLanes>(ref b, ref d, size, first);
            BitTranspose.Swap<TVector, TLanes>(ref a, ref b, half, second);
            BitTranspose.Swap<TVector, TLanes>(ref c, ref d, half, second);
            TLanes.Store(a, y + i * Plane);
            TLanes.Store(b, y + (i + half) * Plane);
            TLanes.Store(c, y + (i + size) * Plane);
            TLanes.Store(d, y + (i + size + half) * Plane);
        }
    }
}
