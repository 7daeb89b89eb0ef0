using System.Runtime.ExceptionServices;
using Engine.Cli;
using Engine.Kernels;

namespace Engine.Bench;

/// <summary>Runs work on a thread that is bound to a processor, as the caller's part of a pool whose other threads are bound too.</summary>
internal static class PinnedThread
{
    // As much as the main thread has: models nest subgraphs.
    private const int StackBytes = 8 << 20;

    /// <summary>Runs on a thread of its own bound to the first of these processors, or here where there are none. Exceptions come through.</summary>
    public static void Run(IReadOnlyList<int> affinity, Action body)
    {
        if (affinity.Count == 0)
        {
            body();
            return;
        }
        ExceptionDispatchInfo? fault = null;
        var thread = new Thread(() =>
        {
            try
            {
                if (!ThreadAffinity.Pin(affinity[0])) throw CommandException.Usage($"--affinity {affinity[0]}: the system lets no thread be bound to this processor");
                body();
            }
            catch (Exception e)
            {
                fault = ExceptionDispatchInfo.Capture(e);
            }
        }, StackBytes);
        thread.Name = "engine-bench";
        thread.Start();
        thread.Join();
        fault?.Throw();
    }

    /// <summary>The first processors this process may use, one a thread; empty where there are fewer than threads.</summary>
    public static int[] Processors(int threads)
    {
        int[] allowed = ThreadAffinity.Allowed();
        return allowed.Length < threads ? [] : allowed[..threads];
    }
}
