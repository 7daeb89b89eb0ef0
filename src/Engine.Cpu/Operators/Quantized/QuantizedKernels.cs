using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class QuantizedKernels
{
    public static void Register(KernelRegistry r)
    {
        r.Add<DequantizeLinear>("dequantize", DequantizeLinearCpu.Bind);
        r.AddConverter(GridConverters.Find);
        r.Extend<Add>(GridCandidates.Add);
        r.Extend<Conv>(GridCandidates.Conv);
        r.Extend<Gemm>(GridCandidates.Gemm);
        r.Extend<MatMul>(GridCandidates.MatMul);
        r.Extend<MaxPool>(GridCandidates.MaxPool);
        r.Add<ConvInteger>("conv-int8", IntegerConvCpu.Bind);
        r.Add<QLinearConv>("conv-int8", IntegerConvCpu.Bind);
        r.Add<DynamicQuantizeMatMul>("gemm-int8", IntegerMatMulCpu.Bind);
        r.Add<MatMulInteger>("gemm-int8", IntegerMatMulCpu.Bind);
        r.Add<MatMulIntegerToFloat>("gemm-int8", IntegerMatMulCpu.Bind);
        r.Add<QGemm>("gemm-int8", IntegerMatMulCpu.Bind);
        r.Add<QLinearMatMul>("gemm-int8", IntegerMatMulCpu.Bind);
        r.Add<DynamicQuantizeLinear>("dynamic-quantize", DynamicQuantizeLinearCpu.Bind);
        r.Add<QuantizeLinear>("quantize", QuantizeLinearCpu.Bind);
    }
}
