using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

/// <summary>Vectors of 128 bits, four rows each.</summary>
public static unsafe partial class NmInt4Gemv
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Low(Vector128<byte> x) => ((x & Vector128.Create((byte)15)) - Vector128.Create((byte)8)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> High(Vector128<byte> x) => (((x.AsUInt16() >> 4).AsByte() & Vector128.Create((byte)15)) - Vector128.Create((byte)8)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Gather(Vector128<byte> positions, ulong* x) =>
        Vector128.Shuffle(Vector128.Create(*x ^ 0x8080808080808080).AsSByte(), ((positions & Vector128.Create((byte)3)) | Vector128.Create(0x04040000u).AsByte()).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> Lower(Vector128<sbyte> x, Vector128<sbyte> y) => Vector128.WidenLower(x) * Vector128.WidenLower(y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> Upper(Vector128<sbyte> x, Vector128<sbyte> y) => Vector128.WidenUpper(x) * Vector128.WidenUpper(y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Pairs(Vector128<short> x) => ((x.AsInt32() << 16 >> 16) + (x.AsInt32() >> 16)).AsUInt64();

    // Four products of at most 128 · 8 by lane fit 16 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Block(Vector128<byte> positions, Vector128<byte> first, Vector128<byte> second, byte* x)
    {
        Vector128<sbyte> a = Low(first), b = High(first), c = Low(second), d = High(second);
        Vector128<sbyte> p = Gather(positions, (ulong*)x), q = Gather((positions.AsUInt32() >> 2).AsByte(), (ulong*)x + 1), r = Gather((positions.AsUInt32() >> 4).AsByte(), (ulong*)x + 2), s = Gather((positions.AsUInt32() >> 6).AsByte(), (ulong*)x + 3);
        Vector128<ulong> low = Pairs(Lower(p, a) + Lower(q, b) + (Lower(r, c) + Lower(s, d))), high = Pairs(Upper(p, a) + Upper(q, b) + (Upper(r, c) + Upper(s, d)));
        return Vector128.ConvertToSingle((Vector128.Narrow(low, high) + Vector128.Narrow(low >> 32, high >> 32)).AsInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Scale128(in NmInt4Layout l, byte* group, int row) => l.HalfScales ? HalfScales.Load128(group + 2 * row) : Vector128.Load((float*)group + row);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile128(in NmInt4Layout l, byte* panel, byte* x, float* scales, float* y)
    {
        const int Vector = 16, Vectors = NmInt4Layout.PanelRows / 4;
        for (int row = 0; row < NmInt4Layout.PanelRows; row += 4)
        {
            Vector128<float> sum = default;
            int left = l.Blocks;
            byte* p = panel, from = x;
            float* t = scales;
            for (int group = l.GroupBlocks; left > 0; left -= group)
            {
                var s = Scale128(l, p, row);
                p += l.ScaleBytes;
                for (int b = Math.Min(group, left); b > 0; b--, p += NmInt4Layout.BlockBytes, from += NmInt4Layout.BlockColumns, t++)
                    sum = Vector128.FusedMultiplyAdd(Block(Vector128.Load(p + 4 * row), Vector128.Load(p + Vectors * Vector + 4 * row), Vector128.Load(p + 2 * Vectors * Vector + 4 * row), from), Vector128.Create(*t) * s, sum);
            }
            sum.Store(y + row);
        }
    }
}
