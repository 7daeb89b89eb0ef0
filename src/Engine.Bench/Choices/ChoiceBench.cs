using System.Diagnostics;
using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>One way to run an operator: what the planner takes it to cost, and what it costs.</summary>
/// <param name="Stem">The kernel.</param>
/// <param name="IsPick">True for the one of the least estimate.</param>
/// <param name="Estimate">Estimated nanoseconds on one core.</param>
/// <param name="Median">Measured nanoseconds of the step alone.</param>
internal sealed record ChoiceTime(string Stem, bool IsPick, double Estimate, double Median);

/// <summary>Times every candidate of an operator in turn, each forced in a plan of its own, after their results were compared.</summary>
internal sealed class ChoiceBench(int rounds, int threads, IReadOnlyList<int> processors)
{
    // What is estimated to take so many times as long as the fastest is not timed; a form that the planner takes is within it.
    private const double Hopeless = 12;

    // Of the largest value: rounded activations, and sums in another order.
    private const double Tolerance = 0.05;

    // Until a kernel and what surrounds it is compiled with optimizations; once a kernel.
    private static readonly TimeSpan s_compiling = TimeSpan.FromSeconds(0.3);

    private readonly HashSet<string> _warm = [];

    // Below every cost that the planner adds up, above what it takes for impossible.
    private const double Forced = -1e12;

    /// <summary>The kernels of a model's product or convolution, fastest first.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inexact">True where activations may be rounded.</param>
    public IReadOnlyList<ChoiceTime> Measure(ChoiceModel model, bool inexact)
    {
        var sessions = new List<(Candidate Candidate, Model Model, Session Session)>();
        try
        {
            for (int i = 0; Forcing(model, i, inexact) is { } next; i++)
                if (next.Session is { } session) sessions.Add((next.Candidate, next.Model, session));
            Compare(model, sessions);
            var outputs = new RuntimeValue?[1];
            foreach (var s in sessions)
            {
                long started = Stopwatch.GetTimestamp();
                for (bool warm = !_warm.Add(s.Candidate.Stem); !warm && Stopwatch.GetElapsedTime(started) < s_compiling;) s.Session.Run([model.Input], outputs);
                s.Session.ResetTimings();
            }
            Interleaved.Measure([.. sessions.Select(s => (Action)(() => s.Session.Run([model.Input], outputs)))], new() { Rounds = rounds, Discarded = 1, WarmupRuns = 1, Warmup = TimeSpan.Zero });
            double least = sessions.Min(s => s.Candidate.Nanoseconds!.Value);
            return [.. sessions.Select(s => new ChoiceTime(s.Candidate.Stem, s.Candidate.Nanoseconds == least, s.Candidate.Nanoseconds!.Value, Median(s.Session, s.Candidate.Stem))).OrderBy(t => t.Median)];
        }
        finally
        {
            foreach (var s in sessions)
            {
                s.Session.Dispose();
                s.Model.Dispose();
            }
        }
    }

    private static double Median(Session session, string stem) => new Samples(session.Timings.First(t => t.Step.Stem == stem).Nanoseconds).Percentile(50);

    // Candidate i and a session that runs it, none where the planner may not; null past the last.
    private (Candidate Candidate, Model Model, Session? Session)? Forcing(ChoiceModel model, int index, bool inexact)
    {
        Candidate[] all = [];
        bool bound = false;
        IEnumerable<Candidate> Only(NodeTypes n)
        {
            // Between wires only what reads their codes: anything else is decoded first.
            all = [.. CpuKernels.Standard.Candidates(n).Where(c => !model.Wires || c.Accept(0) is CodeEncoding)];
            if (index < all.Length) yield return all[index] with { Nanoseconds = Forced, Bind = b => { bound = true; return all[index].Bind(b); } };
        }
        var kernels = new KernelRegistry(CpuKernels.Standard).Extend<Gemm>((_, n) => Only(n)).Extend<FusedMatMul>((_, n) => Only(n)).Extend<Conv>((_, n) => Only(n));
        var made = Model.Create(new ModelDefinition(model.Graph), new ModelOptions { Kernels = kernels, AllowInexact = inexact });
        Session? session = null;
        try
        {
            // Candidates are known once something was planned.
            var probe = made.Plan(new Dictionary<string, RuntimeValue> { ["x"] = model.Input });
            if (index >= all.Length) return null;
            double least = all.Where(c => c.Exact || inexact).Min(c => c.Nanoseconds ?? double.PositiveInfinity);
            if (bound && all[index].Nanoseconds <= Hopeless * least) session = made.CreateSession(new SessionOptions { Threads = threads, Affinity = processors, Profile = true });
            return (all[index], made, session);
        }
        finally
        {
            if (session is null) made.Dispose();
        }
    }

    private static void Compare(ChoiceModel model, List<(Candidate Candidate, Model Model, Session Session)> sessions)
    {
        Tensor? first = null;
        foreach (var (candidate, _, session) in sessions)
        {
            var outputs = new RuntimeValue?[1];
            session.Run([model.Input], outputs);
            var y = (Tensor)outputs[0]!;
            if (first is null)
            {
                first = y.Clone();
                continue;
            }
            float largest = 0;
            foreach (float v in first.Span<float>()) largest = Math.Max(largest, Math.Abs(v));
            if (ValueComparer.Compare(first, y, 0, Tolerance * largest) is { } why) throw new InvalidOperationException($"{candidate.Stem}: another result than {sessions[0].Candidate.Stem}: {why}");
        }
    }
}
