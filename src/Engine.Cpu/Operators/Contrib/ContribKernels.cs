using Engine.Runtime;

namespace Engine.Cpu;

internal static class ContribKernels
{
    public static void Register(KernelRegistry r)
    {
    }
}
