using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Zero points of a weight as integers: one, or one a channel.</summary>
internal static class QuantizedZeros
{
    public static int[] Of(Quantized w)
    {
        // Without zero points unsigned codes stand around the middle of their range.
        if (w.Zero is null) return [w.Signed ? 0 : 128];
        var zeros = w.Zero.ToF32();
        var codes = new int[zeros.Shape.Count];
        for (int i = 0; i < codes.Length; i++) codes[i] = (int)zeros.Span<float>()[i];
        return codes;
    }
}
