using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class TextKernels
{
    public static void Register(KernelRegistry r)
    {
    }
}
