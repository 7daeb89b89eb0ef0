using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Bench;

/// <summary>
/// Bits that differ between two strings, one of them in the first-level cache. .NET 10 has no vector popcount on x64: tables of four or
/// seven bits stand in. Sums are bytes that wrap; a product would widen them every few dozen steps.
/// </summary>
internal static unsafe class PopcountLoops
{
    private const int Bytes = 32 * 256;

    public static IEnumerable<LimitLoop> All =>
    [
        new(LimitKind.Popcount, "avx512 vpermi2b, 7 bits a byte", Avx512Vbmi.IsSupported, Bytes, 2 * 4 * 64 * 7, Table128),
        new(LimitKind.Popcount, "avx512 vpshufb, two nibbles a byte", Avx512BW.IsSupported, Bytes, 2 * 4 * 64 * 8, Nibbles512),
        new(LimitKind.Popcount, "avx2 vpshufb, two nibbles a byte", Avx2.IsSupported, Bytes, 2 * 4 * 32 * 8, Nibbles256),
        new(LimitKind.Popcount, "advsimd cnt", AdvSimd.IsSupported, Bytes, 2 * 4 * 16 * 8, CountArm),
        new(LimitKind.Popcount, "popcnt, 64 bits", true, Bytes, 2 * 8 * 64, Words),
    ];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Table128(byte* data, long bytes, long times, byte* sink)
    {
        byte* counts = stackalloc byte[128];
        for (int i = 0; i < 128; i++) counts[i] = (byte)BitOperations.PopCount((uint)i);
        Vector512<byte> low = Vector512.Load(counts), high = Vector512.Load(counts + 64), y = Vector512.Create((byte)7);
        Vector512<byte> s0 = default, s1 = default, s2 = default, s3 = default;
        for (long i = times; i > 0; i--)
        {
            byte* p = data + (i & 31) * 256;
            s0 += Avx512Vbmi.PermuteVar64x8x2(low, Vector512.Load(p) ^ y, high);
            s1 += Avx512Vbmi.PermuteVar64x8x2(low, Vector512.Load(p + 64) ^ y, high);
            s2 += Avx512Vbmi.PermuteVar64x8x2(low, Vector512.Load(p + 128) ^ y, high);
            s3 += Avx512Vbmi.PermuteVar64x8x2(low, Vector512.Load(p + 192) ^ y, high);
        }
        (s0 + s1 + s2 + s3).Store(sink);
    }

    private static Vector128<byte> NibbleCounts => Vector128.Create((byte)0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nibbles512(byte* data, long bytes, long times, byte* sink)
    {
        var table = Vector512.Create(Vector256.Create(NibbleCounts, NibbleCounts), Vector256.Create(NibbleCounts, NibbleCounts));
        Vector512<byte> mask = Vector512.Create((byte)15), y = Vector512.Create((byte)0x5A);
        Vector512<byte> s0 = default, s1 = default, s2 = default, s3 = default;
        for (long i = times; i > 0; i--)
        {
            byte* p = data + (i & 31) * 256;
            Vector512<byte> a = Vector512.Load(p) ^ y, b = Vector512.Load(p + 64) ^ y, c = Vector512.Load(p + 128) ^ y, d = Vector512.Load(p + 192) ^ y;
            s0 += Avx512BW.Shuffle(table, a & mask) + Avx512BW.Shuffle(table, (a.AsUInt16() >> 4).AsByte() & mask);
            s1 += Avx512BW.Shuffle(table, b & mask) + Avx512BW.Shuffle(table, (b.AsUInt16() >> 4).AsByte() & mask);
            s2 += Avx512BW.Shuffle(table, c & mask) + Avx512BW.Shuffle(table, (c.AsUInt16() >> 4).AsByte() & mask);
            s3 += Avx512BW.Shuffle(table, d & mask) + Avx512BW.Shuffle(table, (d.AsUInt16() >> 4).AsByte() & mask);
        }
        (s0 + s1 + s2 + s3).Store(sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nibbles256(byte* data, long bytes, long times, byte* sink)
    {
        var table = Vector256.Create(NibbleCounts, NibbleCounts);
        Vector256<byte> mask = Vector256.Create((byte)15), y = Vector256.Create((byte)0x5A);
        Vector256<byte> s0 = default, s1 = default, s2 = default, s3 = default;
        for (long i = times; i > 0; i--)
        {
            byte* p = data + (i & 31) * 128;
            Vector256<byte> a = Vector256.Load(p) ^ y, b = Vector256.Load(p + 32) ^ y, c = Vector256.Load(p + 64) ^ y, d = Vector256.Load(p + 96) ^ y;
            s0 += Avx2.Shuffle(table, a & mask) + Avx2.Shuffle(table, (a.AsUInt16() >> 4).AsByte() & mask);
            s1 += Avx2.Shuffle(table, b & mask) + Avx2.Shuffle(table, (b.AsUInt16() >> 4).AsByte() & mask);
            s2 += Avx2.Shuffle(table, c & mask) + Avx2.Shuffle(table, (c.AsUInt16() >> 4).AsByte() & mask);
            s3 += Avx2.Shuffle(table, d & mask) + Avx2.Shuffle(table, (d.AsUInt16() >> 4).AsByte() & mask);
        }
        (s0 + s1 + s2 + s3).Store(sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CountArm(byte* data, long bytes, long times, byte* sink)
    {
        var y = Vector128.Create((byte)0x5A);
        Vector128<byte> s0 = default, s1 = default, s2 = default, s3 = default;
        for (long i = times; i > 0; i--)
        {
            byte* p = data + (i & 31) * 64;
            s0 += AdvSimd.PopCount(Vector128.Load(p) ^ y);
            s1 += AdvSimd.PopCount(Vector128.Load(p + 16) ^ y);
            s2 += AdvSimd.PopCount(Vector128.Load(p + 32) ^ y);
            s3 += AdvSimd.PopCount(Vector128.Load(p + 48) ^ y);
        }
        (s0 + s1 + s2 + s3).Store(sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Words(byte* data, long bytes, long times, byte* sink)
    {
        ulong y = 0x5A5A5A5A5A5A5A5A;
        long s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (long i = times; i > 0; i--)
        {
            ulong* p = (ulong*)(data + (i & 127) * 64);
            s0 += BitOperations.PopCount(p[0] ^ y);
            s1 += BitOperations.PopCount(p[1] ^ y);
            s2 += BitOperations.PopCount(p[2] ^ y);
            s3 += BitOperations.PopCount(p[3] ^ y);
            s0 += BitOperations.PopCount(p[4] ^ y);
            s1 += BitOperations.PopCount(p[5] ^ y);
            s2 += BitOperations.PopCount(p[6] ^ y);
            s3 += BitOperations.PopCount(p[7] ^ y);
        }
        *(long*)sink = s0 + s1 + s2 + s3;
    }
}
