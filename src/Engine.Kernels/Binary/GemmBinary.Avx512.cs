using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

public static unsafe partial class GemmBinary
{
    // Six bits of a row choose 64 bytes: their distances to every six bits of a column, which one permutation looks up for 64 columns. A word is eleven such steps.
    private const int SixBits = 6, SixSteps = 11, SixUnit = 16;

    private static readonly BinaryLayout s_six = new(SixBits, SixUnit * sizeof(ushort), PanelColumns);

    private static void TileAvx512(in Tile t)
    {
        int panel = BinaryCounts.Run<Block4x4>(t, 0, s_six);
        panel = BinaryCounts.Run<Block8x2>(t, panel, s_six);
        BinaryCounts.Run<Block8x1>(t, panel, s_six);
    }

    /// <summary>Words of a row as the tier avx512 reads them: for each six bits, lowest first, the bytes from the first to their row of distances, as u16; sixteen of them a word, the last five zero.</summary>
    internal static void Spread(ulong* x, int words, byte* to)
    {
        var fields = Vector128.Create(0, 6, 12, 18, 24, 30, 36, 42, 48, 54, 60, 60, 60, 60, 60, 60).AsByte();
        var mask = Vector128.Create(63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 15, 0, 0, 0, 0, 0).AsByte();
        for (int i = 0; i < words; i++, to += SixUnit * sizeof(ushort))
            (Avx2.ConvertToVector256Int16(Avx512Vbmi.VL.MultiShift(fields, Vector128.Create(x[i])) & mask) << SixBits).AsByte().Store(to);
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
            new Span<ushort>(counts, 16 * PanelColumns).Clear();
            nint panel3 = 3 * panel;
            for (int s = 0; s < segmentCount; s++)
            {
                nint at = segments[s];
                ushort* a0 = (ushort*)(a[0] + at), a1 = (ushort*)(a[1] + at), a2 = (ushort*)(a[2] + at), a3 = (ushort*)(a[3] + at);
                for (int left = words; left > 0; left -= BinaryCounts.ByteWords)
                {
                    Vector512<byte> s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default, s13 = default, s20 = default, s21 = default, s22 = default, s23 = default, s30 = default, s31 = default, s32 = default, s33 = default;
                    for (int n = Math.Min(left, BinaryCounts.ByteWords); n > 0; n--)
                    {
                        for (nint g = 0; g < SixSteps; g++, b += PanelColumns)
                        {
                            Vector512<byte> x0 = Vector512.Load(b), x1 = Vector512.Load(b + panel), x2 = Vector512.Load(b + 2 * panel), x3 = Vector512.Load(b + panel3);
                            var t = Vector512.Load(table + a0[g]);
                            s00 += Avx512Vbmi.PermuteVar64x8(t, x0);
                            s01 += Avx512Vbmi.PermuteVar64x8(t, x1);
                            s02 += Avx512Vbmi.PermuteVar64x8(t, x2);
                            s03 += Avx512Vbmi.PermuteVar64x8(t, x3);
                            t = Vector512.Load(table + a1[g]);
                            s10 += Avx512Vbmi.PermuteVar64x8(t, x0);
                            s11 += Avx512Vbmi.PermuteVar64x8(t, x1);
                            s12 += Avx512Vbmi.PermuteVar64x8(t, x2);
                            s13 += Avx512Vbmi.PermuteVar64x8(t, x3);
                            t = Vector512.Load(table + a2[g]);
                            s20 += Avx512Vbmi.PermuteVar64x8(t, x0);
                            s21 += Avx512Vbmi.PermuteVar64x8(t, x1);
                            s22 += Avx512Vbmi.PermuteVar64x8(t, x2);
                            s23 += Avx512Vbmi.PermuteVar64x8(t, x3);
                            t = Vector512.Load(table + a3[g]);
                            s30 += Avx512Vbmi.PermuteVar64x8(t, x0);
                            s31 += Avx512Vbmi.PermuteVar64x8(t, x1);
                            s32 += Avx512Vbmi.PermuteVar64x8(t, x2);
                            s33 += Avx512Vbmi.PermuteVar64x8(t, x3);
                        }
                        a0 += SixUnit;
                        a1 += SixUnit;
                        a2 += SixUnit;
                        a3 += SixUnit;
                    }
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
            new Span<ushort>(counts, 16 * PanelColumns).Clear();
            for (int s = 0; s < segmentCount; s++)
            {
                nint at = segments[s];
                ushort* a0 = (ushort*)(a[0] + at), a1 = (ushort*)(a[1] + at), a2 = (ushort*)(a[2] + at), a3 = (ushort*)(a[3] + at), a4 = (ushort*)(a[4] + at), a5 = (ushort*)(a[5] + at), a6 = (ushort*)(a[6] + at), a7 = (ushort*)(a[7] + at);
                for (int left = words; left > 0; left -= BinaryCounts.ByteWords)
                {
                    Vector512<byte> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default, s60 = default, s61 = default, s70 = default, s71 = default;
                    for (int n = Math.Min(left, BinaryCounts.ByteWords); n > 0; n--)
                    {
                        for (nint g = 0; g < SixSteps; g++, b += PanelColumns)
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
                        a0 += SixUnit;
                        a1 += SixUnit;
                        a2 += SixUnit;
                        a3 += SixUnit;
                        a4 += SixUnit;
                        a5 += SixUnit;
                        a6 += SixUnit;
                        a7 += SixUnit;
                    }
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
            new Span<ushort>(counts, 8 * PanelColumns).Clear();
            for (int s = 0; s < segmentCount; s++)
            {
                nint at = segments[s];
                ushort* a0 = (ushort*)(a[0] + at), a1 = (ushort*)(a[1] + at), a2 = (ushort*)(a[2] + at), a3 = (ushort*)(a[3] + at), a4 = (ushort*)(a[4] + at), a5 = (ushort*)(a[5] + at), a6 = (ushort*)(a[6] + at), a7 = (ushort*)(a[7] + at);
                for (int left = words; left > 0; left -= BinaryCounts.ByteWords)
                {
                    Vector512<byte> s00 = default, s10 = default, s20 = default, s30 = default, s40 = default, s50 = default, s60 = default, s70 = default;
                    for (int n = Math.Min(left, BinaryCounts.ByteWords); n > 0; n--)
                    {
                        for (nint g = 0; g < SixSteps; g++, b += PanelColumns)
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
                        a0 += SixUnit;
                        a1 += SixUnit;
                        a2 += SixUnit;
                        a3 += SixUnit;
                        a4 += SixUnit;
                        a5 += SixUnit;
                        a6 += SixUnit;
                        a7 += SixUnit;
                    }
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
