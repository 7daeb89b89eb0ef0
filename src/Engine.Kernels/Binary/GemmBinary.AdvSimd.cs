using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Engine.Kernels;

public static unsafe partial class GemmBinary
{
    private static readonly BinaryLayout s_bytes = new(8, sizeof(ulong), 1);

    private static void TileAdvSimd(in Tile t) => BinaryCounts.Run<Block2>(t, 0, s_bytes);

    private readonly struct Block2 : IBinaryCounter
    {
        public static int Rows => 2;

        public static int Panels => 1;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static void Count(byte** a, nint* segments, int segmentCount, int words, byte* b, nint panel, ushort* counts)
        {
            for (int s = 0; s < segmentCount; s++)
            {
                byte* a0 = a[0] + segments[s], a1 = a[1] + segments[s];
                for (int left = words; left > 0; left -= BinaryCounts.ByteWords)
                {
                    Vector128<byte> s00 = default, s01 = default, s02 = default, s03 = default, s10 = default, s11 = default, s12 = default, s13 = default;
                    for (int n = sizeof(ulong) * Math.Min(left, BinaryCounts.ByteWords); n > 0; n--, b += PanelColumns)
                    {
                        Vector128<byte> x0 = Vector128.Load(b), x1 = Vector128.Load(b + 16), x2 = Vector128.Load(b + 32), x3 = Vector128.Load(b + 48), v = Vector128.Create(*a0++);
                        s00 += AdvSimd.PopCount(v ^ x0);
                        s01 += AdvSimd.PopCount(v ^ x1);
                        s02 += AdvSimd.PopCount(v ^ x2);
                        s03 += AdvSimd.PopCount(v ^ x3);
                        v = Vector128.Create(*a1++);
                        s10 += AdvSimd.PopCount(v ^ x0);
                        s11 += AdvSimd.PopCount(v ^ x1);
                        s12 += AdvSimd.PopCount(v ^ x2);
                        s13 += AdvSimd.PopCount(v ^ x3);
                    }
                    Add(s00, counts);
                    Add(s01, counts + 16);
                    Add(s02, counts + 32);
                    Add(s03, counts + 48);
                    Add(s10, counts + 64);
                    Add(s11, counts + 80);
                    Add(s12, counts + 96);
                    Add(s13, counts + 112);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add(Vector128<byte> s, ushort* to)
        {
            (Vector128.WidenLower(s) + Vector128.Load(to)).Store(to);
            (Vector128.WidenUpper(s) + Vector128.Load(to + 8)).Store(to + 8);
        }
    }
}
