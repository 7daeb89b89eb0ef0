using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class SequenceKernels
{
    public static void Register(KernelRegistry r)
    {
        r.AddDynamic<ConcatFromSequence>(SequenceTensors.Concat);
        r.AddDynamic<OptionalOf>(OptionalCpu.Make);
        r.AddDynamic<OptionalGetElement>(OptionalCpu.Get);
        r.AddDynamic<OptionalHasElement>(OptionalCpu.Has);
        r.AddDynamic<SequenceAt>(SequenceItems.At);
        r.AddDynamic<SequenceConstruct>(SequenceItems.Construct);
        r.AddDynamic<SequenceEmpty>(SequenceItems.Empty);
        r.AddDynamic<SequenceErase>(SequenceItems.Erase);
        r.AddDynamic<SequenceInsert>(SequenceItems.Insert);
        r.AddDynamic<SequenceLength>(SequenceItems.Length);
        r.AddDynamic<SequenceMap>(SequenceMapCpu.Run);
        r.AddDynamic<SplitToSequence>(SequenceTensors.Split);
    }
}
