namespace Engine.Graph.Operators;

/// <summary>Operators on floating-point values of the com.microsoft domain, and those that ONNX Runtime puts into ONNX's own.</summary>
internal static class ContribOperators
{
    public static void Register(OperatorRegistry r)
    {
        const string Microsoft = QuantizedOperators.Microsoft;
        r.Add("Attention", a => new Attention(a), Microsoft);
        r.Add("BiasAdd", a => new BiasAdd(a), Microsoft);
        r.Add("BiasGelu", a => new BiasGelu(a), Microsoft);
        r.Add("DynamicQuantizeLSTM", a => new DynamicQuantizeLstm(a), Microsoft);
        r.Add("EmbedLayerNormalization", a => new EmbedLayerNormalization(a), Microsoft);
        r.Add("FastGelu", a => new FastGelu(a), Microsoft);
        r.Add("GatherBlockQuantized", a => new GatherBlockQuantized(a), Microsoft);
        r.Add("Gelu", a => new MicrosoftGelu(a), Microsoft);
        r.Add("GroupQueryAttention", a => new GroupQueryAttention(a), Microsoft);
        r.Add("MatMulNBits", a => new MatMulNBits(a), Microsoft);
        r.Add("MultiHeadAttention", a => new MultiHeadAttention(a), Microsoft);
        r.Add("QuickGelu", a => new QuickGelu(a), Microsoft);
        r.Add("RotaryEmbedding", a => new RotaryEmbedding(a), Microsoft);
        r.Add("SimplifiedLayerNormalization", a => new SimplifiedLayerNormalization(a));
        r.Add("SimplifiedLayerNormalization", a => new SimplifiedLayerNormalization(a, Microsoft), Microsoft);
        r.Add("SkipLayerNormalization", a => new SkipLayerNormalization(a), Microsoft);
        r.Add("SkipSimplifiedLayerNormalization", a => new SkipSimplifiedLayerNormalization(a), Microsoft);
    }
}
