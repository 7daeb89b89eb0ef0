using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class QuantizedKernels
{
    public static void Register(KernelRegistry r, bool dyadic)
    {
        var codes = new ChannelsLastCandidates(dyadic);
        r.Add<DequantizeLinear>("dequantize", DequantizeLinearCpu.Bind);
        r.AddConverter(GridConverters.Find);
        r.Extend<Add>(GridCandidates.Add);
        r.Extend<Add>(codes.Add);
        var sparse = new NmCodesCpu(dyadic);
        r.Extend<Conv>(codes.Conv);
        r.Extend<Conv>(sparse.Conv);
        r.Extend<Gemm>(NmCodesCpu.Gemm);
        r.Extend<MatMul>(NmCodesCpu.MatMul);
        r.Extend<FusedMatMul>(NmCodesCpu.FusedMatMul);
        r.Extend<Gemm>(GridCandidates.Gemm);
        r.Extend<MatMul>(GridCandidates.MatMul);
        r.Extend<GlobalAveragePool>(codes.GlobalAverage);
        r.Extend<MaxPool>(ChannelsLastCandidates.MaxPool);
        r.Add<ConvInteger>("gemm-u8s8", IntegerConvCpu.Bind);
        r.Add<QLinearConv>("gemm-u8s8", IntegerConvCpu.Bind);
        r.Add<DynamicQuantizeMatMul>("gemm-u8s8", IntegerMatMulCpu.Bind);
        r.Add<MatMulInteger>("gemm-u8s8", IntegerMatMulCpu.Bind);
        r.Add<MatMulIntegerToFloat>("gemm-u8s8", IntegerMatMulCpu.Bind);
        r.Add<QGemm>("gemm-u8s8", IntegerMatMulCpu.Bind);
        r.Add<QLinearMatMul>("gemm-u8s8", IntegerMatMulCpu.Bind);
        r.Add<DynamicQuantizeLinear>("dynamic-quantize", DynamicQuantizeLinearCpu.Bind);
        r.Add<NhwcMaxPool>("max-pool", QLinearCpu.NhwcMax);
        r.Add<QLinearAdd>("add-int8", (_, b) => QLinearCpu.Binary<AddF32>(b));
        r.Add<QLinearAveragePool>("average-pool", QLinearCpu.Average);
        r.Add<QLinearConcat>("concat-int8", QLinearCpu.Concat);
        r.Add<QLinearGlobalAveragePool>("global-average-pool", QLinearCpu.GlobalAverage);
        r.Add<QLinearLeakyRelu>("table-int8", QLinearCpu.LeakyRelu);
        r.Add<QLinearMul>("mul-int8", (_, b) => QLinearCpu.Binary<MulF32>(b));
        r.Add<QLinearSigmoid>("table-int8", QLinearCpu.Sigmoid);
        r.Add<QLinearSoftmax>("softmax", QLinearCpu.Softmax);
        r.Add<QLinearWhere>("where-int8", QLinearCpu.Where);
        r.Add<QuantizeLinear>("quantize", QuantizeLinearCpu.Bind);
        r.Extend<DequantizeLinear>(GridConverters.Dequantize);
        r.Extend<QuantizeLinear>(GridConverters.Quantize);
    }
}
