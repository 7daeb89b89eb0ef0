using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class BinaryKernels
{
    public static void Register(KernelRegistry r)
    {
        r.AddConverter(BitsConverters.Find, BinaryRates.Conversion);
        r.AddConverter(PlanesConverters.Find, BinaryRates.Conversion);
        r.AddCandidates<BinaryConv>(BinaryConvCpu.Candidates);
        r.AddCandidates<BinaryMaxPool>(BinaryPoolCpu.Candidates);
        r.AddCandidates<BinarySign>(BinarySignCpu.Candidates);
    }
}
