using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class OwnKernels
{
    public static void Register(KernelRegistry r)
    {
        r.AddCandidates<Delay>(DelayCpu.Candidates);
        r.Add<L1Normalization>("l1-norm-f32", L1NormalizationCpu.Bind);
        r.Add<Log2MatMul>("shift-product", Log2AttentionCpu.Product);
        r.Add<Log2Softmax>("log2-softmax-f32", Log2AttentionCpu.Softmax);
        r.AddCandidates<MaskedConv>(MaskedConvCpu.Candidates);
        r.Add<MatMulShifted>("gemm-u8s8", MatMulShiftedCpu.Bind);
        r.Add<RandomFeatures>("low-rank", RandomFeaturesCpu.Bind);
        r.Add<RetroactiveAttention>("retroactive-attention-f32", ContinualAttentionCpu.Retroactive);
        r.Add<SingleOutputAttention>("attention-f32", ContinualAttentionCpu.SingleOutput);
        r.Add<TokenKeep>("token-keep", TokenKeepCpu.Bind);
        r.Extend<FusedMatMul>(SpqrMatVecCpu.Candidates);
        r.Extend<Gather>(GatherCodesCpu.Candidates);
        r.Extend<Gemm>(SpqrMatVecCpu.CandidatesGemm);
    }
}
