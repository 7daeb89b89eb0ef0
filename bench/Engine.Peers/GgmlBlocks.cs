namespace Engine.Peers;

/// <summary>ggml's own reading and making of quantized blocks, a type given by its number.</summary>
public static unsafe class GgmlBlocks
{
    /// <summary>Elements and bytes of a block; zeros for a type that ggml does not have.</summary>
    public static (int Elements, int Bytes) Size(int type) => Ggml.Api.GetTypeTraits(type) is var t && t->Name != null ? ((int)t->BlockElements, (int)t->BlockBytes) : default;

    /// <summary>The values of whole blocks.</summary>
    public static float[] Dequantize(int type, ReadOnlySpan<byte> blocks)
    {
        var t = Ggml.Api.GetTypeTraits(type);
        float[] y = new float[blocks.Length / (int)t->BlockBytes * t->BlockElements];
        fixed (byte* from = blocks)
        fixed (float* to = y)
            t->ToFloat(from, to, y.Length);
        return y;
    }

    /// <summary>Blocks of values, by ggml's reference; null where a type has none.</summary>
    public static byte[]? Quantize(int type, ReadOnlySpan<float> values)
    {
        var t = Ggml.Api.GetTypeTraits(type);
        if (t->FromFloat == null) return null;
        byte[] y = new byte[values.Length / (int)t->BlockElements * (int)t->BlockBytes];
        fixed (float* from = values)
        fixed (byte* to = y)
            t->FromFloat(from, to, values.Length);
        return y;
    }
}
