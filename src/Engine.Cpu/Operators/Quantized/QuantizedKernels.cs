using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class QuantizedKernels
{
    public static void Register(KernelRegistry r)
    {
        r.Add<DequantizeLinear>("dequantize", DequantizeLinearCpu.Bind);
        r.Add<DynamicQuantizeLinear>("dynamic-quantize", DynamicQuantizeLinearCpu.Bind);
        r.Add<QuantizeLinear>("quantize", QuantizeLinearCpu.Bind);
    }
}
