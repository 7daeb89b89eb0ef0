using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class ContribKernels
{
    public static void Register(KernelRegistry r)
    {
        ContribActivationsCpu.Register(r);
        r.Add<EmbedLayerNormalization>("embed-layer-norm", SkipNormalizationCpu.Embed);
        r.Add<MatMulNBits>("gemm-f32", MatMulNBitsCpu.Bind);
        r.Add<SimplifiedLayerNormalization>("rms-norm", SkipNormalizationCpu.Simplified);
        r.Add<SkipLayerNormalization>("skip-layer-norm", SkipNormalizationCpu.Skip);
        r.Add<SkipSimplifiedLayerNormalization>("skip-rms-norm", SkipNormalizationCpu.Skip);
    }
}
