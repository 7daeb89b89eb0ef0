using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class MovementKernels
{
    public static void Register(KernelRegistry r)
    {
        r.AddDynamic<NonZero>(NonZeroCpu.Run);
        r.Add<Transpose>("transpose", TransposeCpu.Bind);
    }
}
