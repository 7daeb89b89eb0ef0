using System.Runtime.CompilerServices;

namespace Engine.Tensors;

/// <summary>bfloat16: the upper 16 bits of a binary32; conversion rounds to nearest, ties to even.</summary>
public readonly record struct BFloat16(ushort Bits)
{
    /// <summary>The value widened; exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static explicit operator float(BFloat16 v) => BitConverter.UInt32BitsToSingle((uint)v.Bits << 16);

    /// <summary>The nearest bfloat16; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static explicit operator BFloat16(float v)
    {
        uint b = BitConverter.SingleToUInt32Bits(v);
        if (float.IsNaN(v)) return new((ushort)(b >> 16 | 0x40));
        return new((ushort)((b + 0x7FFF + (b >> 16 & 1)) >> 16));
    }

    /// <inheritdoc/>
    public override string ToString() => ((float)this).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
