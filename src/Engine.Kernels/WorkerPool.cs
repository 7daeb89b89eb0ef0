using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Engine.Kernels;

/// <summary>Threads that wait between loops: spinning at first, then asleep. One loop at a time is split over them; see <see cref="Workers"/> for the promises.</summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    // The others end about when a thread does, and the next loop often follows: while they work it spins for so small a part of what its own work took.
    private const int Patience = 8;

    // A caller that slept while a thread is still waking up would find that thread asleep again at the next loop, and so on: 100 µs outlast it.
    private static readonly long s_waking = Stopwatch.Frequency / 10_000;

    private readonly Thread[] _threads;
    private readonly Signal[] _go, _met;
    private readonly Signal _done;
    private readonly Lock _gate = new();
    private delegate*<void*, int, int, void> _run;
    private void* _body;
    private int _count, _parts, _pending, _running;
    private int _arrived;
    private bool _failed;
    private volatile bool _stop;
    private ExceptionDispatchInfo? _fault;
    [ThreadStatic] private static bool t_inside;

    public WorkerPool(int threads, int spinMicroseconds, IReadOnlyList<int>? affinity = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        ArgumentOutOfRangeException.ThrowIfNegative(spinMicroseconds);
        Threads = threads == 0 ? affinity is { Count: > 0 } ? affinity.Count : Environment.ProcessorCount : threads;
        _done = new Signal(spinMicroseconds);
        _threads = new Thread[Threads - 1];
        _go = new Signal[Threads - 1];
        _met = [.. Enumerable.Range(0, Threads).Select(_ => new Signal(spinMicroseconds))];
        for (int i = 0; i < _threads.Length; i++)
        {
            _go[i] = new Signal(spinMicroseconds);
            int part = i + 1, processor = affinity is { Count: > 0 } ? affinity[part % affinity.Count] : -1;
            _threads[i] = new Thread(() => Loop(part, processor)) { IsBackground = true, Name = $"engine-worker-{part}" };
            _threads[i].Start();
        }
    }

    public int Threads { get; }

    public void For<TBody>(int count, int grain, TBody body) where TBody : struct, IParallelBody
    {
        if (count <= 0) return;
        int parts = Math.Min(Threads, Math.Max(1, count / Math.Max(1, grain)));
        if (parts == 1 || t_inside || !_gate.TryEnter())
        {
            body.Run(0, count);
            return;
        }
        try
        {
            Dispatch(&Invoke<TBody>, Unsafe.AsPointer(ref body), count, parts);
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Runs part i of <paramref name="body"/> on thread i, on all threads at once; false where they are busy.</summary>
    public bool TryTogether<TBody>(TBody body) where TBody : struct, IParallelBody
    {
        if (t_inside || !_gate.TryEnter()) return false;
        try
        {
            _arrived = 0;
            Dispatch(&Invoke<TBody>, Unsafe.AsPointer(ref body), Threads, Threads);
        }
        finally
        {
            _gate.Exit();
        }
        return true;
    }

    /// <summary>A loop of a body that all threads run: does this thread's part, then waits for the others. After a fault of any of them it throws on all.</summary>
    public void Meet<TBody>(int part, int count, int grain, TBody body) where TBody : struct, IParallelBody
    {
        int parts = Math.Min(Threads, Math.Max(1, count / Math.Max(1, grain)));
        try
        {
            int start = (int)((long)count * part / parts), end = (int)((long)count * (part + 1) / parts);
            if (part < parts && start < end) body.Run(start, end);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _fault, ExceptionDispatchInfo.Capture(e), null);
        }
        if (Interlocked.Increment(ref _arrived) == Threads)
        {
            // Read by all before the next meeting, which needs them all.
            (_arrived, _failed) = (0, _fault is not null);
            for (int i = 0; i < Threads; i++) if (i != part) _met[i].Set();
        }
        else _met[part].Wait();
        if (_failed) throw new OperationCanceledException();
    }

    private static void Invoke<TBody>(void* body, int start, int end) where TBody : struct, IParallelBody => Unsafe.AsRef<TBody>(body).Run(start, end);

    private void Dispatch(delegate*<void*, int, int, void> run, void* body, int count, int parts)
    {
        ObjectDisposedException.ThrowIf(_stop, typeof(Workers));
        _run = run;
        _body = body;
        (_count, _parts, _fault) = (count, parts, null);
        Volatile.Write(ref _pending, parts - 1);
        Volatile.Write(ref _running, 1);
        for (int i = 0; i < parts - 1; i++) _go[i].Set();
        _done.Wait(ref _pending, Math.Max(Part(0) / Patience, s_waking));
        Volatile.Write(ref _running, 0);
        _fault?.Throw();
    }

    // Returns how long it took, in ticks of Stopwatch.
    private long Part(int part)
    {
        long began = Stopwatch.GetTimestamp();
        bool outer = t_inside;
        t_inside = true;
        try
        {
            int start = (int)((long)_count * part / _parts), end = (int)((long)_count * (part + 1) / _parts);
            if (start < end) _run(_body, start, end);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _fault, ExceptionDispatchInfo.Capture(e), null);
        }
        finally
        {
            t_inside = outer;
        }
        return Stopwatch.GetTimestamp() - began;
    }

    private void Loop(int part, int processor)
    {
        if (processor >= 0) ThreadAffinity.Pin(processor);
        long took = 0;
        while (true)
        {
            _go[part - 1].Wait(ref _running, took / Patience);
            if (_stop) return;
            took = Part(part);
            if (Interlocked.Decrement(ref _pending) == 0) _done.Set();
        }
    }

    /// <summary>Ends the threads; a call still running finishes first.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stop) return;
            _stop = true;
            foreach (var g in _go) g.Set();
            foreach (var t in _threads) t.Join();
            foreach (var g in _go) g.Dispose();
            foreach (var m in _met) m.Dispose();
            _done.Dispose();
        }
    }
}
