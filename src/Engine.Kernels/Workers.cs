namespace Engine.Kernels;

/// <summary>Work over the index range [start, end); a struct, so that the loop specializes and nothing is allocated.</summary>
public interface IParallelBody
{
    /// <summary>Does the indices [start, end).</summary>
    void Run(int start, int end);
}

/// <summary>Several loops one after the other; a struct, so that it specializes and nothing is allocated.</summary>
public interface ITeamBody
{
    /// <summary>Runs the loops on <paramref name="team"/>.</summary>
    void Run(Workers team);
}

/// <summary>
/// A persistent pool with static partition: which thread does which index depends on nothing but the counts, and indices must be
/// independent, so results are bit-identical for any number of threads. One caller at a time runs in parallel; a caller that finds
/// the pool busy (another session, or a nested call) does its work alone.
/// </summary>
public sealed class Workers : IDisposable
{
    private const int Whole = -1;

    private readonly WorkerPool _pool;
    private readonly bool _owner;
    private readonly int _part = Whole;
    private Workers[]? _members;
    private bool _inLoop;

    /// <summary>
    /// Creates a pool of <paramref name="threads"/> threads, the caller counted; 0 means one a processor. A thread without work spins for
    /// <paramref name="spinMicroseconds"/>, and while the others still work for an eighth of what its own work took, then sleeps; with 0 at once. Thread i of the pool is bound to processor <paramref name="affinity"/>[i mod count];
    /// the caller, which is thread 0, stays as it is (see <see cref="ThreadAffinity.Pin"/>).
    /// </summary>
    public Workers(int threads = 0, int spinMicroseconds = 20, IReadOnlyList<int>? affinity = null) => (_pool, _owner) = (new WorkerPool(threads, spinMicroseconds, affinity), true);

    private Workers(WorkerPool pool, CancellationToken cancellation, int part = Whole) => (_pool, Cancellation, _part) = (pool, cancellation, part);

    /// <summary>A pool that runs everything on the calling thread.</summary>
    public static Workers Single { get; } = new(new WorkerPool(1, 0), default);

    /// <summary>Number of threads, the caller counted.</summary>
    public int Threads => _pool.Threads;

    /// <summary>What ends a loop early.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>The same threads, whose loops end early when <paramref name="cancellation"/> asks for it; this object where it does so already. Not to be disposed.</summary>
    public Workers With(CancellationToken cancellation) => cancellation == Cancellation ? this : new(_pool, cancellation);

    /// <summary>
    /// Runs <paramref name="body"/> over [0, count), split in equal contiguous parts of at least <paramref name="grain"/> indices.
    /// An exception in any part is thrown here after all parts have ended. Where a <see cref="Cancellation"/> can be asked for, a part runs
    /// a grain at a time with a look at it before each, and <see cref="OperationCanceledException"/> leaves the results incomplete.
    /// </summary>
    public void For<TBody>(int count, int grain, TBody body) where TBody : struct, IParallelBody
    {
        if (_part != Whole)
        {
            if (Cancellation.CanBeCanceled) Meet(count, grain, new Grains<TBody>(body, grain, Cancellation));
            else Meet(count, grain, body);
            return;
        }
        Cancellation.ThrowIfCancellationRequested();
        if (count > grain && Cancellation.CanBeCanceled) _pool.For(count, grain, new Grains<TBody>(body, grain, Cancellation));
        else _pool.For(count, grain, body);
    }

    /// <summary>
    /// Runs <paramref name="body"/> on every thread at once: loops of the workers it is given are split over the threads, and all of them finish a
    /// loop before any begins the next. Several loops in a row so cost one start of the threads. Outside its loops a body must do the same on every
    /// thread, write nothing and throw nothing.
    /// </summary>
    public void Together<TBody>(TBody body) where TBody : struct, ITeamBody
    {
        if (_part != Whole || _pool.Threads == 1)
        {
            body.Run(this);
            return;
        }
        Cancellation.ThrowIfCancellationRequested();
        _members ??= [.. Enumerable.Range(0, _pool.Threads).Select(i => new Workers(_pool, Cancellation, i))];
        if (!_pool.TryTogether(new Members<TBody>(body, _members))) body.Run(this);
    }

    private readonly struct Members<TBody>(TBody body, Workers[] members) : IParallelBody where TBody : struct, ITeamBody
    {
        public void Run(int start, int end) => body.Run(members[start]);
    }

    // A loop inside a part of a loop is that part's own.
    private void Meet<TBody>(int count, int grain, TBody body) where TBody : struct, IParallelBody
    {
        if (_inLoop)
        {
            if (count > 0) body.Run(0, count);
            return;
        }
        _inLoop = true;
        try
        {
            _pool.Meet(_part, count, grain, body);
        }
        finally
        {
            _inLoop = false;
        }
    }

    private struct Grains<TBody>(TBody body, int grain, CancellationToken cancellation) : IParallelBody where TBody : struct, IParallelBody
    {
        public void Run(int start, int end)
        {
            while (start < end)
            {
                cancellation.ThrowIfCancellationRequested();
                int next = start + Math.Min(Math.Max(1, grain), end - start);
                body.Run(start, next);
                start = next;
            }
        }
    }

    /// <summary>Ends the threads of a pool that was created here; a call still running finishes first.</summary>
    public void Dispose()
    {
        if (_owner) _pool.Dispose();
    }
}
