using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class ContribKernels
{
    public static void Register(KernelRegistry r)
    {
        ContribActivationsCpu.Register(r);
        r.Add<Attention>("attention-f32", AttentionCpu.Bind);
        r.Add<MultiHeadAttention>("attention-f32", AttentionCpu.Bind);
        r.Add<RotaryEmbedding>("rotary", RotaryEmbeddingCpu.Bind);
        r.Add<EmbedLayerNormalization>("embed-layer-norm", SkipNormalizationCpu.Embed);
        r.Add<GatherBlockQuantized>("gather-codes", GatherBlockQuantizedCpu.Bind);
        r.Add<GroupQueryAttention>("attention-f32", GroupQueryAttentionCpu.Bind);
        r.Add<MatMulNBits>("gemm-f32", MatMulNBitsCpu.Bind);
        r.Add<SimplifiedLayerNormalization>("rms-norm", SkipNormalizationCpu.Simplified);
        r.Add<SkipLayerNormalization>("skip-layer-norm", SkipNormalizationCpu.Skip);
        r.Add<SkipSimplifiedLayerNormalization>("skip-rms-norm", SkipNormalizationCpu.Skip);
    }
}
