using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>Conversion between binary32 and the reduced floats (f16, bf16, 8- and 4-bit): exact when widening, to nearest even when narrowing.</summary>
public static class FloatConvert
{
    /// <summary>Widens the codes of <paramref name="type"/> to floats.</summary>
    public static void Widen(DType type, ReadOnlySpan<byte> source, Span<float> target)
    {
        switch (type)
        {
            case DType.F16:
                var half = MemoryMarshal.Cast<byte, Half>(source);
                for (int i = 0; i < target.Length; i++) target[i] = (float)half[i];
                break;
            case DType.BF16:
                var bf = MemoryMarshal.Cast<byte, BFloat16>(source);
                for (int i = 0; i < target.Length; i++) target[i] = (float)bf[i];
                break;
            case DType.F4E2M1:
                for (int i = 0; i < target.Length; i++) target[i] = SmallFloat.E2M1.Decode((byte)Packed4.Get(source, i));
                break;
            default:
                var codec = SmallFloat.Of(type);
                for (int i = 0; i < target.Length; i++) target[i] = codec.Decode(source[i]);
                break;
        }
    }

    /// <summary>Narrows floats to codes of <paramref name="type"/>; 8-bit floats saturate when asked to.</summary>
    public static void Narrow(DType type, ReadOnlySpan<float> source, Span<byte> target, bool saturate = true)
    {
        switch (type)
        {
            case DType.F16:
                var half = MemoryMarshal.Cast<byte, Half>(target);
                for (int i = 0; i < source.Length; i++) half[i] = (Half)source[i];
                break;
            case DType.BF16:
                var bf = MemoryMarshal.Cast<byte, BFloat16>(target);
                for (int i = 0; i < source.Length; i++) bf[i] = (BFloat16)source[i];
                break;
            case DType.F4E2M1:
                for (int i = 0; i < source.Length; i++) Packed4.Set(target, i, SmallFloat.E2M1.Encode(source[i], saturate));
                break;
            default:
                var codec = SmallFloat.Of(type);
                for (int i = 0; i < source.Length; i++) target[i] = codec.Encode(source[i], saturate);
                break;
        }
    }

    /// <summary>True for the element types this converts.</summary>
    public static bool IsReduced(DType t) => t is DType.F16 or DType.BF16 || t.IsSmallFloat();
}
