using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Bench;

/// <summary>
/// Products of 8-bit integers summed in 32 bits, as the instructions of .NET offer them. The loops keep eight or twelve sums in
/// registers; those of several instructions a product take one operand from the first-level cache, as a matrix product does.
/// </summary>
internal static unsafe class Int8Loops
{
    // Data that the loops walk: 16 rows of eight vectors.
    private const int Bytes = 16 * 8 * 64;

    public static IEnumerable<LimitLoop> All =>
    [
        new(LimitKind.Int8, "avx-vnni vpdpbusd, 256 bits", AvxVnni.IsSupported, Bytes, 2 * 12 * 32, DotVnni),
        new(LimitKind.Int8, "avx512 vpmaddubsw, vpmaddwd, vpaddd", Avx512BW.IsSupported, Bytes, 2 * 8 * 64, Pairs512),
        new(LimitKind.Int8, "avx512 vpmaddwd, vpaddd on 16-bit operands", Avx512BW.IsSupported, Bytes, 2 * 8 * 32, Wide512),
        new(LimitKind.Int8, "avx2 vpmaddubsw, vpmaddwd, vpaddd", Avx2.IsSupported, Bytes, 2 * 8 * 32, Pairs256),
        new(LimitKind.Int8, "dotprod sdot", Dp.IsSupported, Bytes, 2 * 12 * 16, DotArm),
        new(LimitKind.Int8, "scalar", true, Bytes, 2 * 8, Scalar),
    ];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotVnni(byte* data, long bytes, long times, byte* sink)
    {
        Vector256<byte> x = Vector256.Create((byte)3);
        Vector256<sbyte> y = Vector256.Create((sbyte)-2);
        Vector256<int> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default, s8 = default, s9 = default, s10 = default, s11 = default;
        for (long i = times; i > 0; i--)
        {
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, x, y);
            s1 = AvxVnni.MultiplyWideningAndAdd(s1, x, y);
            s2 = AvxVnni.MultiplyWideningAndAdd(s2, x, y);
            s3 = AvxVnni.MultiplyWideningAndAdd(s3, x, y);
            s4 = AvxVnni.MultiplyWideningAndAdd(s4, x, y);
            s5 = AvxVnni.MultiplyWideningAndAdd(s5, x, y);
            s6 = AvxVnni.MultiplyWideningAndAdd(s6, x, y);
            s7 = AvxVnni.MultiplyWideningAndAdd(s7, x, y);
            s8 = AvxVnni.MultiplyWideningAndAdd(s8, x, y);
            s9 = AvxVnni.MultiplyWideningAndAdd(s9, x, y);
            s10 = AvxVnni.MultiplyWideningAndAdd(s10, x, y);
            s11 = AvxVnni.MultiplyWideningAndAdd(s11, x, y);
        }
        (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11).Store((int*)sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pairs512(byte* data, long bytes, long times, byte* sink)
    {
        var y = Vector512.Create((sbyte)-2);
        var ones = Vector512.Create((short)1);
        Vector512<int> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (long i = times; i > 0; i--)
        {
            byte* p = data + (i & 15) * 512;
            s0 += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(p), y), ones);
            s1 += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 64), y), ones);
            s2 += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 128), y), ones);
            s3 += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 192), y), ones);
            s4 += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 256), y), ones);
            s5 += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 320), y), ones);
            s6 += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 384), y), ones);
            s7 += Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 448), y), ones);
        }
        (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7).Store((int*)sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide512(byte* data, long bytes, long times, byte* sink)
    {
        var y = Vector512.Create((short)-2);
        Vector512<int> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (long i = times; i > 0; i--)
        {
            short* p = (short*)(data + (i & 15) * 512);
            s0 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(p), y);
            s1 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 32), y);
            s2 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 64), y);
            s3 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 96), y);
            s4 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 128), y);
            s5 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 160), y);
            s6 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 192), y);
            s7 += Avx512BW.MultiplyAddAdjacent(Vector512.Load(p + 224), y);
        }
        (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7).Store((int*)sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pairs256(byte* data, long bytes, long times, byte* sink)
    {
        var y = Vector256.Create((sbyte)-2);
        var ones = Vector256.Create((short)1);
        Vector256<int> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (long i = times; i > 0; i--)
        {
            byte* p = data + (i & 15) * 256;
            s0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256.Load(p), y), ones);
            s1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256.Load(p + 32), y), ones);
            s2 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256.Load(p + 64), y), ones);
            s3 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256.Load(p + 96), y), ones);
            s4 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256.Load(p + 128), y), ones);
            s5 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256.Load(p + 160), y), ones);
            s6 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256.Load(p + 192), y), ones);
            s7 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256.Load(p + 224), y), ones);
        }
        (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7).Store((int*)sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotArm(byte* data, long bytes, long times, byte* sink)
    {
        Vector128<sbyte> x = Vector128.Create((sbyte)3), y = Vector128.Create((sbyte)-2);
        Vector128<int> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default, s8 = default, s9 = default, s10 = default, s11 = default;
        for (long i = times; i > 0; i--)
        {
            s0 = Dp.DotProduct(s0, x, y);
            s1 = Dp.DotProduct(s1, x, y);
            s2 = Dp.DotProduct(s2, x, y);
            s3 = Dp.DotProduct(s3, x, y);
            s4 = Dp.DotProduct(s4, x, y);
            s5 = Dp.DotProduct(s5, x, y);
            s6 = Dp.DotProduct(s6, x, y);
            s7 = Dp.DotProduct(s7, x, y);
            s8 = Dp.DotProduct(s8, x, y);
            s9 = Dp.DotProduct(s9, x, y);
            s10 = Dp.DotProduct(s10, x, y);
            s11 = Dp.DotProduct(s11, x, y);
        }
        (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11).Store((int*)sink);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scalar(byte* data, long bytes, long times, byte* sink)
    {
        int s0 = 0, s1 = 0, s2 = 0, s3 = 0, y = *(sbyte*)data;
        for (long i = times; i > 0; i--)
        {
            sbyte* p = (sbyte*)data + (i & 127) * 8;
            s0 += p[0] * y;
            s1 += p[1] * y;
            s2 += p[2] * y;
            s3 += p[3] * y;
            s0 += p[4] * y;
            s1 += p[5] * y;
            s2 += p[6] * y;
            s3 += p[7] * y;
        }
        *(int*)sink = s0 + s1 + s2 + s3;
    }
}
