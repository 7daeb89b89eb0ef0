using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

public static unsafe partial class GemmBinary
{
    // Six bits of a row choose 64 bytes: their distances to every six bits of a column, which one permutation looks up for 64 columns. A word is eleven such steps; as many as a byte can count are added up in bytes.
    private const int SixBits = 6, SixSteps = 11, ByteSteps = byte.MaxValue / SixBits;

    private static readonly BinaryLayout s_six = new(SixBits, SixSteps * sizeof(ushort), PanelColumns);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx512(in Tile t)
    {
        int panel = BinaryCounts.Run<Block4x4>(t, 0, s_six);
        panel = BinaryCounts.Run<Block8x2>(t, panel, s_six);
        BinaryCounts.Run<Block8x1>(t, panel, s_six);
    }

    /// <summary>Words of a row as the tier avx512 reads them: for each six bits, lowest first, the bytes from the first to their row of distances, as u16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Spread(ulong* x, int words, byte* to)
    {
        var fields = Vector128.Create(0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60, 60, 60, 60, 60, 60).AsByte();
        var mask = Vector128.Create(63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 15, 0, 0, 0, 0, 0).AsByte();
        for (int i = 0; i < words; i++, to += SixSteps * sizeof(ushort))
        {
            var v = (Avx2.ConvertToVector256Int16(Avx512Vbmi.VL.MultiShift(fields, Vector128.Create(x[i])) & mask) << SixBits).AsByte();
            if (i < words - 1)
            {
                v.Store(to);
                continue;
            }
            // What follows may be another thread's.
            v.GetLower().Store(to);
            *(uint*)(to + 16) = v.AsUInt32().GetElement(4);
            *(ushort*)(to + 20) = v.AsUInt16().GetElement(10);
        }
    }

    // Even bytes are the panel's first columns, odd ones its second half.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector512<byte> s, ushort* to)
    {
        ((s.AsUInt16() & Vector512.Create((ushort)0xff)) + Vector512.Load(to)).Store(to);
        ((s.AsUInt16() >> 8) + Vector512.Load(to + 32)).Store(to + 32);
    }

    /// <summary>Four rows by four panels.</summary>
    private readonly struct Block4x4 : IBinaryCounter
    {
        public static int Rows => 4;

        public static int Panels => 4;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Count(byte** a, nint* segments, int segmentCount, int words, byte* b, nint panel, ushort* counts)
        {
            byte* table = BinaryCounts.Six;
            nint panel3 = 3 * panel;
            for (int s = 0; s < segmentCount; s++)
            {
                nint at = segments[s];
                ushort* a0 = (ushort*)(a[0] + at), a1 = (ushort*)(a[1] + at), a2 = (ushort*)(a[2] + at), a3 = (ushort*)(a[3] + at);
                for (int left = words * SixSteps; left > 0; left -= ByteSteps)
                {
                    Vector512<byte> s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default, s13 = default, s20 = default, s21 = default, s22 = default, s23 = default, s30 = default, s31 = default, s32 = default, s33 = default;
                    nint steps = Math.Min(left, ByteSteps);
                    for (nint g = 0; g < steps; g++, b += PanelColumns)
                    {
                        Vector512<byte> x0 = Vector512.Load(b), x1 = Vector512.Load(b + panel), x2 = Vector512.Load(b + 2 * panel), x3 = Vector512.Load(b + panel3), p0, p1, p2, p3, q0, q1, q2, q3;
                        var t = Vector512.Load(table + a0[g]);
                        p0 = Avx512Vbmi.PermuteVar64x8(t, x0);
                        p1 = Avx512Vbmi.PermuteVar64x8(t, x1);
                        p2 = Avx512Vbmi.PermuteVar64x8(t, x2);
                        p3 = Avx512Vbmi.PermuteVar64x8(t, x3);
                        t = Vector512.Load(table + a1[g]);
                        q0 = Avx512Vbmi.PermuteVar64x8(t, x0);
                        s00 += p0;
                        q1 = Avx512Vbmi.PermuteVar64x8(t, x1);
                        s01 += p1;
                        q2 = Avx512Vbmi.PermuteVar64x8(t, x2);
                        s02 += p2;
                        q3 = Avx512Vbmi.PermuteVar64x8(t, x3);
                        s03 += p3;
                        t = Vector512.Load(table + a2[g]);
                        p0 = Avx512Vbmi.PermuteVar64x8(t, x0);
                        s10 += q0;
                        p1 = Avx512Vbmi.PermuteVar64x8(t, x1);
                        s11 += q1;
                        p2 = Avx512Vbmi.PermuteVar64x8(t, x2);
                        s12 += q2;
                        p3 = Avx512Vbmi.PermuteVar64x8(t, x3);
                        s13 += q3;
                        t = Vector512.Load(table + a3[g]);
                        q0 = Avx512Vbmi.PermuteVar64x8(t, x0);
                        s20 += p0;
                        q1 = Avx512Vbmi.PermuteVar64x8(t, x1);
                        s21 += p1;
                        q2 = Avx512Vbmi.PermuteVar64x8(t, x2);
                        s22 += p2;
                        q3 = Avx512Vbmi.PermuteVar64x8(t, x3);
                        s23 += p3;
                        s30 += q0;
                        s31 += q1;
                        s32 += q2;
                        s33 += q3;
                    }
                    a0 += steps;
                    a1 += steps;
                    a2 += steps;
                    a3 += steps;
                    Add(s00, counts);
                    Add(s01, counts + 1 * PanelColumns);
                    Add(s02, counts + 2 * PanelColumns);
                    Add(s03, counts + 3 * PanelColumns);
                    Add(s10, counts + 4 * PanelColumns);
                    Add(s11, counts + 5 * PanelColumns);
                    Add(s12, counts + 6 * PanelColumns);
                    Add(s13, counts + 7 * PanelColumns);
                    Add(s20, counts + 8 * PanelColumns);
                    Add(s21, counts + 9 * PanelColumns);
                    Add(s22, counts + 10 * PanelColumns);
                    Add(s23, counts + 11 * PanelColumns);
                    Add(s30, counts + 12 * PanelColumns);
                    Add(s31, counts + 13 * PanelColumns);
                    Add(s32, counts + 14 * PanelColumns);
                    Add(s33, counts + 15 * PanelColumns);
                }
            }
        }
    }

    /// <summary>Eight rows by two panels.</summary>
    private readonly struct Block8x2 : IBinaryCounter
    {
        public static int Rows => 8;

        public static int Panels => 2;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Count(byte** a, nint* segments, int segmentCount, int words, byte* b, nint panel, ushort* counts)
        {
            byte* table = BinaryCounts.Six;
            for (int s = 0; s < segmentCount; s++)
            {
                nint at = segments[s];
                ushort* a0 = (ushort*)(a[0] + at), a1 = (ushort*)(a[1] + at), a2 = (ushort*)(a[2] + at), a3 = (ushort*)(a[3] + at), a4 = (ushort*)(a[4] + at), a5 = (ushort*)(a[5] + at), a6 = (ushort*)(a[6] + at), a7 = (ushort*)(a[7] + at);
                for (int left = words * SixSteps; left > 0; left -= ByteSteps)
                {
                    Vector512<byte> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default, s60 = default, s61 = default, s70 = default, s71 = default;
                    nint steps = Math.Min(left, ByteSteps);
                    for (nint g = 0; g < steps; g++, b += PanelColumns)
                    {
                        Vector512<byte> x0 = Vector512.Load(b), x1 = Vector512.Load(b + panel);
                        var t = Vector512.Load(table + a0[g]);
                        s00 += Avx512Vbmi.PermuteVar64x8(t, x0);
                        s01 += Avx512Vbmi.PermuteVar64x8(t, x1);
                        t = Vector512.Load(table + a1[g]);
                        s10 += Avx512Vbmi.PermuteVar64x8(t, x0);
                        s11 += Avx512Vbmi.PermuteVar64x8(t, x1);
                        t = Vector512.Load(table + a2[g]);
                        s20 += Avx512Vbmi.PermuteVar64x8(t, x0);
                        s21 += Avx512Vbmi.PermuteVar64x8(t, x1);
                        t = Vector512.Load(table + a3[g]);
                        s30 += Avx512Vbmi.PermuteVar64x8(t, x0);
                        s31 += Avx512Vbmi.PermuteVar64x8(t, x1);
                        t = Vector512.Load(table + a4[g]);
                        s40 += Avx512Vbmi.PermuteVar64x8(t, x0);
                        s41 += Avx512Vbmi.PermuteVar64x8(t, x1);
                        t = Vector512.Load(table + a5[g]);
                        s50 += Avx512Vbmi.PermuteVar64x8(t, x0);
                        s51 += Avx512Vbmi.PermuteVar64x8(t, x1);
                        t = Vector512.Load(table + a6[g]);
                        s60 += Avx512Vbmi.PermuteVar64x8(t, x0);
                        s61 += Avx512Vbmi.PermuteVar64x8(t, x1);
                        t = Vector512.Load(table + a7[g]);
                        s70 += Avx512Vbmi.PermuteVar64x8(t, x0);
                        s71 += Avx512Vbmi.PermuteVar64x8(t, x1);
                    }
                    a0 += steps;
                    a1 += steps;
                    a2 += steps;
                    a3 += steps;
                    a4 += steps;
                    a5 += steps;
                    a6 += steps;
                    a7 += steps;
                    Add(s00, counts);
                    Add(s01, counts + 1 * PanelColumns);
                    Add(s10, counts + 2 * PanelColumns);
                    Add(s11, counts + 3 * PanelColumns);
                    Add(s20, counts + 4 * PanelColumns);
                    Add(s21, counts + 5 * PanelColumns);
                    Add(s30, counts + 6 * PanelColumns);
                    Add(s31, counts + 7 * PanelColumns);
                    Add(s40, counts + 8 * PanelColumns);
                    Add(s41, counts + 9 * PanelColumns);
                    Add(s50, counts + 10 * PanelColumns);
                    Add(s51, counts + 11 * PanelColumns);
                    Add(s60, counts + 12 * PanelColumns);
                    Add(s61, counts + 13 * PanelColumns);
                    Add(s70, counts + 14 * PanelColumns);
                    Add(s71, counts + 15 * PanelColumns);
                }
            }
        }
    }

    /// <summary>Eight rows by one panel.</summary>
    private readonly struct Block8x1 : IBinaryCounter
    {
        public static int Rows => 8;

        public static int Panels => 1;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Count(byte** a, nint* segments, int segmentCount, int words, byte* b, nint panel, ushort* counts)
        {
            byte* table = BinaryCounts.Six;
            for (int s = 0; s < segmentCount; s++)
            {
                nint at = segments[s];
                ushort* a0 = (ushort*)(a[0] + at), a1 = (ushort*)(a[1] + at), a2 = (ushort*)(a[2] + at), a3 = (ushort*)(a[3] + at), a4 = (ushort*)(a[4] + at), a5 = (ushort*)(a[5] + at), a6 = (ushort*)(a[6] + at), a7 = (ushort*)(a[7] + at);
                for (int left = words * SixSteps; left > 0; left -= ByteSteps)
                {
                    Vector512<byte> s00 = default, s10 = default, s20 = default, s30 = default, s40 = default, s50 = default, s60 = default, s70 = default;
                    nint steps = Math.Min(left, ByteSteps);
                    for (nint g = 0; g < steps; g++, b += PanelColumns)
                    {
                        Vector512<byte> x0 = Vector512.Load(b);
                        s00 += Avx512Vbmi.PermuteVar64x8(Vector512.Load(table + a0[g]), x0);
                        s10 += Avx512Vbmi.PermuteVar64x8(Vector512.Load(table + a1[g]), x0);
                        s20 += Avx512Vbmi.PermuteVar64x8(Vector512.Load(table + a2[g]), x0);
                        s30 += Avx512Vbmi.PermuteVar64x8(Vector512.Load(table + a3[g]), x0);
                        s40 += Avx512Vbmi.PermuteVar64x8(Vector512.Load(table + a4[g]), x0);
                        s50 += Avx512Vbmi.PermuteVar64x8(Vector512.Load(table + a5[g]), x0);
                        s60 += Avx512Vbmi.PermuteVar64x8(Vector512.Load(table + a6[g]), x0);
                        s70 += Avx512Vbmi.PermuteVar64x8(Vector512.Load(table + a7[g]), x0);
                    }
                    a0 += steps;
                    a1 += steps;
                    a2 += steps;
                    a3 += steps;
                    a4 += steps;
                    a5 += steps;
                    a6 += steps;
                    a7 += steps;
                    Add(s00, counts);
                    Add(s10, counts + 1 * PanelColumns);
                    Add(s20, counts + 2 * PanelColumns);
                    Add(s30, counts + 3 * PanelColumns);
                    Add(s40, counts + 4 * PanelColumns);
                    Add(s50, counts + 5 * PanelColumns);
                    Add(s60, counts + 6 * PanelColumns);
                    Add(s70, counts + 7 * PanelColumns);
                }
            }
        }
    }
}
