using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class ControlKernels
{
    public static void Register(KernelRegistry r)
    {
        r.AddDynamic<If>(IfCpu.Run);
        r.AddDynamic<Loop>(LoopCpu.Run);
        r.AddDynamic<Scan>(ScanCpu.Run);
    }
}
