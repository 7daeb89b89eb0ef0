using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// One thread tells one other that something is ready. The waiter spins for a while, then sleeps; setting costs a system call only when it
/// sleeps. Nothing is allocated after construction.
/// </summary>
internal sealed class Signal(int spinMicroseconds) : IDisposable
{
    private const int Idle = 0, Ready = 1, Asleep = 2;

    // Looks at the state between two looks at the clock.
    private const int LooksAtOnce = 32;

    private readonly AutoResetEvent _event = new(false);
    private readonly long _spinTicks = spinMicroseconds * Stopwatch.Frequency / 1_000_000;
    private Line _line;

    /// <summary>Two cache lines of its own (adjacent ones are fetched in pairs), so that the spinning waiter disturbs nothing else.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Line
    {
        [FieldOffset(128)] public int State;
    }

    /// <summary>Lets the waiter go on; what was written before is seen by it. At most one call a wait.</summary>
    public void Set()
    {
        if (Interlocked.Exchange(ref _line.State, Ready) == Asleep) _event.Set();
    }

    /// <summary>Waits for <see cref="Set"/> and takes the signal.</summary>
    public void Wait()
    {
        int idle = 0;
        Wait(ref idle, 0);
    }

    /// <summary>
    /// Waits for <see cref="Set"/> and takes the signal. The time of spinning counts from when <paramref name="busy"/> is 0; until then the waiter spins, if at all,
    /// for <paramref name="ticks"/> of <see cref="Stopwatch"/> where that is longer.
    /// </summary>
    public void Wait(ref int busy, long ticks)
    {
        if (!Spin(ref busy, ticks) && Interlocked.CompareExchange(ref _line.State, Asleep, Idle) == Idle) _event.WaitOne();
        Volatile.Write(ref _line.State, Idle);
    }

    private bool Spin(ref int busy, long ticks)
    {
        if (Volatile.Read(ref _line.State) == Ready) return true;
        if (_spinTicks == 0) return false;
        long start = Stopwatch.GetTimestamp(), idle = start, most = Math.Max(ticks, _spinTicks), now;
        do
        {
            for (int i = 0; i < LooksAtOnce; i++)
            {
                if (Volatile.Read(ref _line.State) == Ready) return true;
                Pause();
            }
            now = Stopwatch.GetTimestamp();
            if (Volatile.Read(ref busy) != 0) idle = now;
        }
        while (now - idle < _spinTicks && (idle != now || now - start < most));
        return false;
    }

    private static void Pause()
    {
        if (X86Base.IsSupported) X86Base.Pause();
        else if (ArmBase.IsSupported) ArmBase.Yield();
        else Thread.SpinWait(1);
    }

    public void Dispose() => _event.Dispose();
}
