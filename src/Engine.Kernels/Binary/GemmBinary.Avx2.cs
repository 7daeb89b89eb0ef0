using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

public static unsafe partial class GemmBinary
{
    // Four bits of a row choose 16 bytes: their distances to every four bits of a column.
    private static readonly BinaryLayout s_four = new(4, sizeof(ulong), PanelColumns / 2);

    private static void TileAvx2(in Tile t) => BinaryCounts.Run<Block4>(t, 0, s_four);

    private readonly struct Block4 : IBinaryCounter
    {
        public static int Rows => 4;

        public static int Panels => 1;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Count(byte** a, nint* segments, int segmentCount, int words, byte* b, nint panel, ushort* counts)
        {
            byte* table = BinaryCounts.Four;
            for (int s = 0; s < segmentCount; s++)
            {
                nint at = segments[s];
                byte* a0 = a[0] + at, a1 = a[1] + at, a2 = a[2] + at, a3 = a[3] + at;
                for (int left = words; left > 0; left -= BinaryCounts.ByteWords)
                {
                    Vector256<byte> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default;
                    for (int n = sizeof(ulong) * Math.Min(left, BinaryCounts.ByteWords); n > 0; n--, b += 2 * PanelColumns)
                    {
                        uint v0 = *a0++, v1 = *a1++, v2 = *a2++, v3 = *a3++;
                        Vector256<byte> x0 = Vector256.Load(b), x1 = Vector256.Load(b + 32);
                        var t = Avx2.BroadcastVector128ToVector256(table + (v0 << 4 & 0xf0));
                        s00 += Avx2.Shuffle(t, x0);
                        s01 += Avx2.Shuffle(t, x1);
                        t = Avx2.BroadcastVector128ToVector256(table + (v1 << 4 & 0xf0));
                        s10 += Avx2.Shuffle(t, x0);
                        s11 += Avx2.Shuffle(t, x1);
                        t = Avx2.BroadcastVector128ToVector256(table + (v2 << 4 & 0xf0));
                        s20 += Avx2.Shuffle(t, x0);
                        s21 += Avx2.Shuffle(t, x1);
                        t = Avx2.BroadcastVector128ToVector256(table + (v3 << 4 & 0xf0));
                        s30 += Avx2.Shuffle(t, x0);
                        s31 += Avx2.Shuffle(t, x1);
                        x0 = Vector256.Load(b + 64);
                        x1 = Vector256.Load(b + 96);
                        t = Avx2.BroadcastVector128ToVector256(table + (v0 & 0xf0));
                        s00 += Avx2.Shuffle(t, x0);
                        s01 += Avx2.Shuffle(t, x1);
                        t = Avx2.BroadcastVector128ToVector256(table + (v1 & 0xf0));
                        s10 += Avx2.Shuffle(t, x0);
                        s11 += Avx2.Shuffle(t, x1);
                        t = Avx2.BroadcastVector128ToVector256(table + (v2 & 0xf0));
                        s20 += Avx2.Shuffle(t, x0);
                        s21 += Avx2.Shuffle(t, x1);
                        t = Avx2.BroadcastVector128ToVector256(table + (v3 & 0xf0));
                        s30 += Avx2.Shuffle(t, x0);
                        s31 += Avx2.Shuffle(t, x1);
                    }
                    Add(s00, counts);
                    Add(s01, counts + 32);
                    Add(s10, counts + 64);
                    Add(s11, counts + 96);
                    Add(s20, counts + 128);
                    Add(s21, counts + 160);
                    Add(s30, counts + 192);
                    Add(s31, counts + 224);
                }
            }
        }

        // Even bytes are the first columns of the half, odd ones the others.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add(Vector256<byte> s, ushort* to)
        {
            ((s.AsUInt16() & Vector256.Create((ushort)0xff)) + Vector256.Load(to)).Store(to);
            ((s.AsUInt16() >> 8) + Vector256.Load(to + 16)).Store(to + 16);
        }
    }
}
