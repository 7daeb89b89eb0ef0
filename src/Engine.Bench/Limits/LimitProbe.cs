using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Kernels;

namespace Engine.Bench;

/// <summary>A loop with data for every thread of a pool: all of them run it at once.</summary>
internal sealed unsafe class LimitProbe : IDisposable
{
    private const int Alignment = 4096;

    private readonly Workers _workers;
    private readonly byte** _blocks;

    /// <summary>Makes a block a thread, written first by the thread that reads it, with room for the result of a loop behind it.</summary>
    public LimitProbe(Workers workers, LimitLoop loop)
    {
        (_workers, Loop) = (workers, loop);
        _blocks = (byte**)NativeMemory.AllocZeroed((nuint)workers.Threads, (nuint)sizeof(byte*));
        for (int i = 0; i < workers.Threads; i++) _blocks[i] = (byte*)NativeMemory.AlignedAlloc((nuint)loop.Bytes + Alignment, Alignment);
        workers.For(workers.Threads, 1, new Fill(_blocks, loop.Bytes));
    }

    public LimitLoop Loop { get; }

    /// <summary>Turns of the loop that take at least <paramref name="seconds"/>.</summary>
    public long TurnsFor(double seconds)
    {
        // The first call compiles the loop.
        Run(1);
        // The least of three: a thread may lose its processor for a moment.
        for (long times = 1; ; times *= 2)
            if (Math.Min(Seconds(times), Math.Min(Seconds(times), Seconds(times))) >= seconds) return times;
    }

    /// <summary>Operations or bytes of so many turns on all threads.</summary>
    public double Work(long times) => Loop.Work * times * _workers.Threads;

    /// <summary>Runs the loop on every thread and returns when all have ended.</summary>
    public void Run(long times) => _workers.For(_workers.Threads, 1, new Body(Loop.Run, _blocks, Loop.Bytes, times));

    /// <summary>As <see cref="Run"/>, timed.</summary>
    public double Seconds(long times)
    {
        long start = Stopwatch.GetTimestamp();
        Run(times);
        return (Stopwatch.GetTimestamp() - start) / (double)Stopwatch.Frequency;
    }

    public void Dispose()
    {
        for (int i = 0; i < _workers.Threads; i++) NativeMemory.AlignedFree(_blocks[i]);
        NativeMemory.Free(_blocks);
    }

    private readonly struct Body(LoopFn run, byte** blocks, long bytes, long times) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++) run(blocks[i], bytes, times, blocks[i] + bytes);
        }
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
