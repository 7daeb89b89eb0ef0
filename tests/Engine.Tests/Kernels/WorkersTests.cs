using Engine.Kernels;

namespace Engine.Tests.Kernels;

public sealed class WorkersTests
{
    private readonly struct Count(int[] visits, Action<int>? before = null) : IParallelBody
    {
        public void Run(int start, int end)
        {
            before?.Invoke(start);
            for (int i = start; i < end; i++) Interlocked.Increment(ref visits[i]);
        }
    }

    [Fact]
    public void Every_index_is_done_once_with_and_without_a_cancellation()
    {
        using var cancel = new CancellationTokenSource();
        foreach (int threads in new[] { 1, 2, 5 })
        {
            using var pool = new Workers(threads);
            foreach (var workers in new[] { pool, pool.With(cancel.Token) })
                foreach (int count in new[] { 0, 1, 2, 15, 16, 17, 31, 100, 1000 })
                    foreach (int grain in new[] { 0, 1, 7, 64, int.MaxValue })
                    {
                        var visits = new int[count];
                        workers.For(count, grain, new Count(visits));
                        Assert.All(visits, v => Assert.Equal(1, v));
                    }
        }
    }

    [Theory, InlineData(1), InlineData(3)]
    public void A_cancelled_loop_stops_after_a_grain(int threads)
    {
        using var cancel = new CancellationTokenSource();
        using var pool = new Workers(threads);
        var visits = new int[480];
        var workers = pool.With(cancel.Token);
        var e = Assert.Throws<OperationCanceledException>(() => workers.For(visits.Length, 10, new Count(visits, _ => cancel.Cancel())));
        Assert.Equal(cancel.Token, e.CancellationToken);
        // Each thread ends the grain that it is in.
        Assert.InRange(visits.Sum(), 10, threads * 10);
        pool.For(visits.Length, 1, new Count(visits));
        Assert.Equal(threads, workers.Threads);
    }

    private readonly struct Chain(int[] a, int[] b, int rounds, Action<int>? at = null) : ITeamBody
    {
        public void Run(Workers team)
        {
            for (int i = 0; i < rounds; i++)
            {
                team.For(a.Length, 1, new Shift(a, b, at));
                team.For(a.Length, 1, new Shift(b, a, null));
            }
        }
    }

    // to[i] = from[i + 1] + 1: reads what other threads wrote in the loop before.
    private readonly struct Shift(int[] from, int[] to, Action<int>? at) : IParallelBody
    {
        public void Run(int start, int end)
        {
            at?.Invoke(start);
            for (int i = start; i < end; i++) to[i] = from[(i + 1) % from.Length] + 1;
        }
    }

    [Theory, InlineData(1, 20), InlineData(2, 0), InlineData(2, 20), InlineData(5, 20)]
    public void Loops_of_a_team_end_before_the_next_begins(int threads, int spin)
    {
        using var workers = new Workers(threads, spin);
        int[] a = [.. Enumerable.Range(0, 37)], b = new int[37];
        workers.Together(new Chain(a, b, 100));
        Assert.Equal(Enumerable.Range(0, 37).Select(i => (i + 200) % 37 + 200), a);
    }

    [Fact]
    public void A_fault_in_a_loop_of_a_team_ends_all_its_threads()
    {
        using var workers = new Workers(3);
        int[] a = new int[9], b = new int[9];
        int loops = 0;
        Assert.Throws<InvalidOperationException>(() => workers.Together(new Chain(a, b, 100, start =>
        {
            if (start == 3 && Interlocked.Increment(ref loops) == 50) throw new InvalidOperationException();
        })));
        using var cancel = new CancellationTokenSource();
        loops = 0;
        var e = Assert.Throws<OperationCanceledException>(() => workers.With(cancel.Token).Together(new Chain(a, b, 1000, start =>
        {
            if (start == 0 && Interlocked.Increment(ref loops) == 50) cancel.Cancel();
        })));
        Assert.Equal(cancel.Token, e.CancellationToken);
        Assert.InRange(loops, 50, 52);
        workers.Together(new Chain(a, b, 1));
    }

    [Fact]
    public void An_exception_is_thrown_after_all_parts_have_ended()
    {
        using var pool = new Workers(2);
        var visits = new int[100];
        Assert.Throws<InvalidOperationException>(() => pool.For(100, 1, new Count(visits, start =>
        {
            if (start == 0) throw new InvalidOperationException();
            Thread.Sleep(50);
        })));
        Assert.Equal(50, visits.Sum());
    }

    // 0 sleeps at once, so that every hand-over goes through the sleeping path; many threads on few processors mix both.
    [Theory, InlineData(2, 0), InlineData(2, 20), InlineData(5, 0), InlineData(5, 1)]
    public void Ten_thousand_loops_in_a_row_lose_no_wake_up(int threads, int spinMicroseconds)
    {
        using var pool = new Workers(threads, spinMicroseconds);
        var visits = new int[threads];
        for (int i = 1; i <= 10_000; i++)
        {
            pool.For(threads, 1, new Count(visits));
            foreach (int v in visits) Assert.Equal(i, v);
        }
    }

    [Fact]
    public void Loops_allocate_nothing_even_where_threads_sleep()
    {
        using var pool = new Workers(2, spinMicroseconds: 0);
        var visits = new int[2];
        AssertEx.AllocatesNothing(() =>
        {
            for (int i = 0; i < 100; i++) pool.For(2, 1, new Count(visits));
        });
    }

    [Fact]
    public void Nested_and_simultaneous_loops_on_one_pool_are_done()
    {
        using var pool = new Workers(3);
        var callers = new Thread[4];
        var visits = new int[callers.Length][];
        for (int c = 0; c < callers.Length; c++)
        {
            int[] mine = visits[c] = new int[64];
            (callers[c] = new Thread(() =>
            {
                for (int i = 0; i < 500; i++) pool.For(8, 1, new Nested(pool, mine));
            })).Start();
        }
        foreach (var t in callers) t.Join();
        Assert.All(visits, v => Assert.All(v, n => Assert.Equal(500, n)));
    }

    private readonly struct Nested(Workers pool, int[] visits) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++) pool.For(8, 1, new Offset(visits, 8 * i));
        }
    }

    private readonly struct Offset(int[] visits, int at) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++) Interlocked.Increment(ref visits[at + i]);
        }
    }

    [Fact]
    public void Threads_run_on_the_processors_they_are_bound_to()
    {
        if (!OperatingSystem.IsLinux()) return;
        int[] allowed = ThreadAffinity.Allowed();
        int last = allowed[^1];
        using var pool = new Workers(2, affinity: [allowed[0], last]);
        var seen = new int[2][];
        pool.For(2, 1, new Where(seen));
        Assert.Equal(allowed, seen[0]);
        Assert.Equal([last], seen[1]);
    }

    private readonly struct Where(int[][] seen) : IParallelBody
    {
        public void Run(int start, int end) => seen[start] = ThreadAffinity.Allowed();
    }
}
