using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class RecurrentKernels
{
    public static void Register(KernelRegistry r)
    {
        r.Add<DynamicQuantizeLstm>("lstm-int8", RecurrentCpu.Bind);
        r.Add<Gru>("gru", RecurrentCpu.Bind);
        r.Add<Lstm>("lstm", RecurrentCpu.Bind);
        r.Add<Rnn>("rnn", RecurrentCpu.Bind);
    }
}
