using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Kernels;

namespace Engine.Bench;

/// <summary>What one loop reached with all its threads: 10⁹ operations or bytes a second.</summary>
internal sealed record LimitFigure(LimitLoop Loop, int Threads, double Giga);

/// <summary>The highest rates that plain loops reach on this machine with so many pinned threads.</summary>
internal sealed unsafe class MachineLimits
{
    private const int Alignment = 4096;

    private MachineLimits(int threads, IReadOnlyList<LimitFigure> figures) => (Threads, Figures) = (threads, figures);

    public int Threads { get; }

    /// <summary>Every loop, limit by limit.</summary>
    public IReadOnlyList<LimitFigure> Figures { get; }

    /// <summary>The best loop of a limit; 0 where it was not measured.</summary>
    public double this[LimitKind kind] => Figures.Where(f => f.Loop.Kind == kind).Select(f => f.Giga).DefaultIfEmpty().Max();

    /// <summary>Takes about <paramref name="budget"/> for each loop.</summary>
    public static MachineLimits Measure(int threads, TimeSpan budget, Func<LimitKind, bool> wanted, CancellationToken cancellation) => PinnedTeam.Run(threads, workers =>
    {
        var figures = new List<LimitFigure>();
        foreach (var loop in LimitLoop.All(CacheSizes.OfThisMachine, threads).Where(l => wanted(l.Kind)))
        {
            cancellation.ThrowIfCancellationRequested();
            figures.Add(new(loop, threads, Rate(workers, loop, budget)));
        }
        return new MachineLimits(threads, figures);
    });

    private static double Rate(Workers workers, LimitLoop loop, TimeSpan budget)
    {
        using var data = new ThreadData(workers, loop.Bytes);
        double sample = budget.TotalSeconds / 10;
        long times = 1;
        // The first call compiles the loop.
        Time(workers, loop, data, times);
        double seconds = Time(workers, loop, data, times);
        for (; seconds < sample / 2; seconds = Time(workers, loop, data, times)) times *= 2;
        double best = seconds;
        for (long started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < budget;) best = Math.Min(best, Time(workers, loop, data, times));
        return loop.Work * times * workers.Threads / best / 1e9;
    }

    private static double Time(Workers workers, LimitLoop loop, ThreadData data, long times)
    {
        long start = Stopwatch.GetTimestamp();
        workers.For(workers.Threads, 1, new Body(loop.Run, data.Blocks, loop.Bytes, times));
        return (Stopwatch.GetTimestamp() - start) / (double)Stopwatch.Frequency;
    }

    private readonly struct Body(LoopFn run, byte** blocks, long bytes, long times) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++) run(blocks[i], bytes, times, blocks[i] + bytes);
        }
    }

    /// <summary>A block a thread, written first by the thread that reads it, with room for the result of a loop behind it.</summary>
    private sealed class ThreadData : IDisposable
    {
        private readonly int _threads;

        public ThreadData(Workers workers, long bytes)
        {
            _threads = workers.Threads;
            Blocks = (byte**)NativeMemory.AllocZeroed((nuint)_threads, (nuint)sizeof(byte*));
            for (int i = 0; i < _threads; i++) Blocks[i] = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + Alignment, Alignment);
            workers.For(_threads, 1, new Fill(Blocks, bytes));
        }

        public byte** Blocks { get; }

        public void Dispose()
        {
            for (int i = 0; i < _threads; i++) NativeMemory.AlignedFree(Blocks[i]);
            NativeMemory.Free(Blocks);
        }

        private readonly struct Fill(byte** blocks, long bytes) : IParallelBody
        {
            public void Run(int start, int end)
            {
                for (int i = start; i < end; i++)
                    for (long at = 0; at < bytes; at += Alignment) Unsafe.InitBlock(blocks[i] + at, 1, (uint)Math.Min(Alignment, bytes - at));
            }
        }
    }
}
