using Engine.Cli;
using Engine.Kernels;

namespace Engine.Bench;

/// <summary>Threads for a measurement, each bound to a processor of its own; the measurement itself runs on the first.</summary>
internal static class PinnedTeam
{
    /// <summary>The processors of so many threads.</summary>
    public static int[] Processors(int threads) =>
        PinnedThread.Processors(threads) is { Length: > 0 } p ? p : throw CommandException.Usage($"--threads {threads}: this process may use {ThreadAffinity.Allowed().Length} processors");

    /// <summary>Runs <paramref name="body"/> on a thread of its own, bound to the first processor: the caller, and threads it starts later, stay free.</summary>
    public static T Run<T>(int threads, Func<Workers, T> body)
    {
        int[] processors = Processors(threads);
        T result = default!;
        using var workers = new Workers(threads, affinity: processors);
        PinnedThread.Run(processors, () => result = body(workers));
        return result;
    }
}
