using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

/// <summary>What a group of a panel holds besides codes, of all its rows at once: <see cref="LowBitLayout.Parameters"/> in vectors of four.</summary>
internal static unsafe class LowBitParameters
{
    private const int Rows = LowBitLayout.PanelRows;

    // The exponents of f16 begin at 2⁻¹⁴, those of f32 at 2⁻¹²⁶.
    private const float Rebias = 5.192296858534828e33f;

    /// <summary>Scales of 32 rows; their zero points or minima too where groups have any, and else nothing is written there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Read(in LowBitLayout l, byte* group, float* scales, float* offsets)
    {
        switch (l.Scales)
        {
            case LowBitScales.Row: new Span<float>(scales, Rows).Fill(1); break;
            case LowBitScales.F16: Halves((ushort*)group, scales); break;
            case LowBitScales.F32: Floats((float*)group, scales); break;
            case LowBitScales.F16Zeros:
                Halves((ushort*)group, scales);
                for (int r = 0; r < Rows; r += 4) Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(*(uint*)(group + 64 + r)).AsByte())).AsInt32()).Store(offsets + r);
                break;
            case LowBitScales.F16Minima:
                Halves((ushort*)group, scales);
                Halves((ushort*)group + Rows, offsets);
                break;
            default:
                Floats((float*)group, scales);
                Floats((float*)group + Rows, offsets);
                break;
        }
    }

    private static void Floats(float* from, float* to) => new ReadOnlySpan<float>(from, Rows).CopyTo(new(to, Rows));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Halves(ushort* from, float* to)
    {
        var rebias = Vector128.Create(Rebias);
        Vector128<uint> magnitude = Vector128.Create(0x7FFFu), infinite = Vector128.Create(0x7C00u);
        for (int r = 0; r < Rows; r += 4)
        {
            var h = Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)(from + r)).AsUInt16());
            var low = h & magnitude;
            // Shifting and one product give numbers, small ones too; infinities and NaN are taken one by one.
            (((low << 13).AsSingle() * rebias).AsUInt32() | (h ^ low) << 16).AsSingle().Store(to + r);
            if (!Vector128.LessThanAll(low, infinite))
                for (int i = r; i < r + 4; i++) to[i] = (float)BitConverter.UInt16BitsToHalf(from[i]);
        }
    }
}
