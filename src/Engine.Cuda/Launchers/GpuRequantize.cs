using System.Runtime.InteropServices;

namespace Engine.Cuda;

/// <summary>What becomes of integer sums.</summary>
public enum GpuFinish
{
    /// <summary>f32: sum · scale + offset, then steps.</summary>
    Floats,
    /// <summary>Codes u8: clamp(round(sum · scale + offset) + zero), to nearest even.</summary>
    Codes,
    /// <summary>Codes u8 by integers alone: clamp(⌊(sum · multiplier + 2^(shift − 1)) / 2^shift⌋ + zero).</summary>
    Dyadic,
}

/// <summary>Factors of a finish, a pair a channel; laid out as <c>Requantize</c> of <c>kernels/requantize.cuh</c>.</summary>
/// <param name="scale">f32 scales, or i32 multipliers.</param>
/// <param name="offset">f32 offsets, or i32 shifts of 1 and more.</param>
/// <param name="zero">Code of 0.</param>
/// <param name="low">The least code.</param>
/// <param name="high">The largest code.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly struct GpuRequantize(GpuSpan scale, GpuSpan offset, int zero = 0, int low = 0, int high = 255)
{
    private readonly ulong _scale = scale.Address, _offset = offset.Address;
    private readonly int _zero = zero, _low = low, _high = high, _padding = 0;

    /// <summary>The part of an entry's name.</summary>
    internal static string Suffix(GpuFinish finish) => finish switch { GpuFinish.Floats => "f32", GpuFinish.Codes => "u8", _ => "dyadic" };
}
