using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class RecurrentKernels
{
    // Weights come from a second-level cache once a step.
    private const double OperationsPerNanosecond = 50;

    public static void Register(KernelRegistry r)
    {
        r.Add<DynamicQuantizeLstm>("lstm-int8", RecurrentCpu.Bind);
        r.AddCandidates<Gru>((op, n) => Candidates(op, n, "gru", b => RecurrentCpu.Bind(op, b)));
        r.AddCandidates<Lstm>((op, n) => Candidates(op, n, "lstm", b => RecurrentCpu.Bind(op, b)));
        r.Add<Rnn>("rnn", RecurrentCpu.Bind);
    }

    private static IEnumerable<Candidate> Candidates(Recurrent op, NodeTypes n, string stem, Func<BindContext, StepFn> any)
    {
        double operations = 2 * (double)n.In(0).Shape[0] * n.In(0).Shape[1] * (n.In(1).Elements + n.In(2).Elements);
        if (FusedRecurrentCpu.Accepts(op, n)) yield return new Candidate($"{stem}-f32", b => FusedRecurrentCpu.Bind(op, b)) { Nanoseconds = operations / OperationsPerNanosecond };
        yield return new Candidate(stem, any);
    }
}
