using System.Runtime.ExceptionServices;
using Engine.Kernels;

namespace Engine.Bench;

/// <summary>Threads for a measurement, each bound to a processor of its own; the measurement itself runs on the first.</summary>
internal static class PinnedTeam
{
    /// <summary>The processors of so many threads.</summary>
    public static int[] Processors(int threads)
    {
        int[] allowed = ThreadAffinity.Allowed();
        return threads <= allowed.Length ? allowed[..threads] : throw Cli.CommandException.Usage($"--threads {threads}: this process may use {allowed.Length} processors");
    }

    /// <summary>Runs <paramref name="body"/> on a thread of its own, bound to the first processor: the caller, and threads it starts later, stay free.</summary>
    public static T Run<T>(int threads, Func<Workers, T> body)
    {
        int[] processors = Processors(threads);
        T result = default!;
        ExceptionDispatchInfo? fault = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var workers = new Workers(threads, affinity: processors);
                ThreadAffinity.Pin(processors[0]);
                result = body(workers);
            }
            catch (Exception e)
            {
                fault = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        fault?.Throw();
        return result;
    }
}
