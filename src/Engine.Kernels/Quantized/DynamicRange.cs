namespace Engine.Kernels;

/// <summary>Scale and zero point that span the values at hand, as ONNX DynamicQuantizeLinear defines them.</summary>
public static class DynamicRange
{
    /// <summary>For u8 codes: the range of x, 0 included, over 255 steps; scale 1 when all values are 0.</summary>
    public static (float Scale, int Zero) U8(ReadOnlySpan<float> x)
    {
        float min = 0, max = 0;
        foreach (float v in x)
        {
            if (v < min) min = v;
            if (v > max) max = v;
        }
        float scale = max == min ? 1 : (max - min) / 255;
        return (scale, (int)MathF.Round(Math.Clamp(0 - min / scale, 0, 255), MidpointRounding.ToEven));
    }
}
