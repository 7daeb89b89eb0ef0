using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class TextKernels
{
    public static void Register(KernelRegistry r)
    {
        r.AddDynamic<RegexFullMatch>(RegexFullMatchCpu.Run);
        r.AddDynamic<StringConcat>(StringConcatCpu.Run);
        r.AddDynamic<StringNormalizer>(StringNormalizerCpu.Run);
        r.AddDynamic<StringSplit>(StringSplitCpu.Run);
        r.AddDynamic<TfIdfVectorizer>(TfIdfVectorizerCpu.Run);
    }
}
