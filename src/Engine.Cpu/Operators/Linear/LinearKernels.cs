using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class LinearKernels
{
    public static void Register(KernelRegistry r)
    {
        r.Add<StridedAttention>("attention-f32", StridedAttentionCpu.Bind);
        r.Add<Det>("det", DetCpu.Bind);
        r.Add<Einsum>("einsum", EinsumCpu.Bind);
        r.AddCandidates<FusedGemm>(MatMulCpu.CandidatesGemm);
        r.AddCandidates<FusedMatMul>(MatMulCpu.Candidates);
        r.AddCandidates<Gemm>(MatMulCpu.CandidatesGemm);
        r.AddCandidates<MatMul>(MatMulCpu.Candidates);
        r.Extend<FusedGemm>(LinearProductCpu.CandidatesGemm);
        r.Extend<FusedMatMul>(LinearProductCpu.Candidates);
        r.Extend<Gemm>(LinearProductCpu.CandidatesGemm);
        r.Extend<MatMul>(LinearProductCpu.Candidates);
    }
}
