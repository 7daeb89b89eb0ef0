using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Engine.Kernels;

/// <summary>Threads that sleep between loops. One loop at a time is split over them; see <see cref="Workers"/> for the promises.</summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wake;
    private readonly ManualResetEventSlim _done = new(false, 0);
    private readonly long _spinTicks;
    private readonly Lock _gate = new();
    private delegate*<void*, int, int, void> _run;
    private void* _body;
    private int _count, _parts, _pending;
    private volatile bool _stop;
    private ExceptionDispatchInfo? _fault;
    [ThreadStatic] private static bool t_inside;

    public WorkerPool(int threads, int spinMicroseconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        ArgumentOutOfRangeException.ThrowIfNegative(spinMicroseconds);
        Threads = threads == 0 ? Environment.ProcessorCount : threads;
        _spinTicks = spinMicroseconds * System.Diagnostics.Stopwatch.Frequency / 1_000_000;
        _threads = new Thread[Threads - 1];
        _wake = new SemaphoreSlim[Threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            _wake[i] = new SemaphoreSlim(0);
            int part = i + 1;
            _threads[i] = new Thread(() => Loop(part)) { IsBackground = true, Name = $"engine-worker-{part}" };
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

    private static void Invoke<TBody>(void* body, int start, int end) where TBody : struct, IParallelBody => Unsafe.AsRef<TBody>(body).Run(start, end);

    private void Dispatch(delegate*<void*, int, int, void> run, void* body, int count, int parts)
    {
        _run = run;
        _body = body;
        (_count, _parts) = (count, parts);
        _fault = null;
        _done.Reset();
        Volatile.Write(ref _pending, parts - 1);
        for (int i = 0; i < parts - 1; i++) _wake[i].Release();
        Part(0);
        long until = System.Diagnostics.Stopwatch.GetTimestamp() + _spinTicks;
        while (Volatile.Read(ref _pending) != 0)
        {
            if (System.Diagnostics.Stopwatch.GetTimestamp() < until) Thread.SpinWait(8);
            else _done.Wait();
        }
        _fault?.Throw();
    }

    private void Part(int part)
    {
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
    }

    private void Loop(int part)
    {
        var wake = _wake[part - 1];
        while (true)
        {
            long until = System.Diagnostics.Stopwatch.GetTimestamp() + _spinTicks;
            bool woken = false;
            while (System.Diagnostics.Stopwatch.GetTimestamp() < until && !(woken = wake.CurrentCount > 0 && wake.Wait(0))) Thread.SpinWait(8);
            if (!woken) wake.Wait();
            if (_stop) return;
            Part(part);
            if (Interlocked.Decrement(ref _pending) == 0) _done.Set();
        }
    }

    /// <summary>Ends the threads; a call still running finishes first.</summary>
    public void Dispose()
    {
        if (_stop) return;
        lock (_gate)
        {
            _stop = true;
            foreach (var w in _wake) w.Release();
            foreach (var t in _threads) t.Join();
            foreach (var w in _wake) w.Dispose();
            _done.Dispose();
        }
    }
}
