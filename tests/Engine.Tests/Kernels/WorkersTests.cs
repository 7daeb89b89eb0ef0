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
}
