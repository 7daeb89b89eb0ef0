using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class LinearKernels
{
    public static void Register(KernelRegistry r)
    {
        r.Add<Det>("det", DetCpu.Bind);
        r.AddCandidates<FusedMatMul>(MatMulCpu.Candidates);
        r.AddCandidates<Gemm>(MatMulCpu.Candidates);
        r.AddCandidates<MatMul>(MatMulCpu.Candidates);
    }
}
