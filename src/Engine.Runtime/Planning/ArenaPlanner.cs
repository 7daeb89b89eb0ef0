using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>A buffer's size and the steps [First, Last] during which it must hold its content.</summary>
public readonly record struct Lifetime(long Bytes, int First, int Last)
{
    /// <summary>True when both are live at some step.</summary>
    public bool Overlaps(Lifetime other) => First <= other.Last && other.First <= Last;
}

/// <summary>Offsets for every buffer in one arena.</summary>
/// <param name="Offsets">Byte offset of each buffer, in the order given.</param>
/// <param name="PeakBytes">Size of the arena.</param>
/// <param name="LowerBound">Largest sum of sizes live at one step: no plan can be smaller.</param>
public sealed record ArenaLayout(long[] Offsets, long PeakBytes, long LowerBound);

/// <summary>
/// Places buffers in one arena, greedy by size: the largest first, each in the smallest gap between placed buffers that live at the
/// same time. Where that misses the lower bound, a bounded local search reorders. Sizes are rounded up to 64 bytes.
/// </summary>
public static class ArenaPlanner
{
    /// <summary>Alignment of every offset, in bytes.</summary>
    public const int Alignment = 64;

    private const int SearchRounds = 200;

    /// <summary>Places the buffers.</summary>
    public static ArenaLayout Plan(IReadOnlyList<Lifetime> buffers) => Plan(buffers as Lifetime[] ?? [.. buffers]);

    private static ArenaLayout Plan(Lifetime[] buffers)
    {
        int n = buffers.Length;
        var sizes = new long[n];
        for (int i = 0; i < n; i++) sizes[i] = Checked.AlignUp(buffers[i].Bytes, Alignment);
        long bound = LowerBound(buffers, sizes);
        int[] order = [.. Enumerable.Range(0, n)];
        Array.Sort(order, (a, b) => sizes[a] != sizes[b] ? sizes[b].CompareTo(sizes[a]) : buffers[a].First != buffers[b].First ? buffers[a].First.CompareTo(buffers[b].First) : a.CompareTo(b));
        var best = Place(buffers, sizes, order, long.MaxValue, out long peak)!;
        if (peak > bound && n <= 2000) Improve(buffers, sizes, order, bound, ref best, ref peak);
        return new ArenaLayout(best, peak, bound);
    }

    private static long LowerBound(Lifetime[] buffers, long[] sizes)
    {
        // Sweep over begin and end events, numbered 2i and 2i + 1; at one step, begins count before ends.
        long When(int e) => e % 2 == 0 ? buffers[e / 2].First * 2L : buffers[e / 2].Last * 2L + 1;
        int[] events = [.. Enumerable.Range(0, 2 * buffers.Length)];
        Array.Sort(events, (a, b) => When(a).CompareTo(When(b)));
        long live = 0, most = 0;
        foreach (int e in events) most = Math.Max(most, live += e % 2 == 0 ? sizes[e / 2] : -sizes[e / 2]);
        return most;
    }

    private static long[]? Place(Lifetime[] buffers, long[] sizes, int[] order, long limit, out long peak)
    {
        var offsets = new long[sizes.Length];
        var placed = new List<int>(sizes.Length); // by offset
        peak = 0;
        foreach (int i in order)
        {
            if (sizes[i] == 0) continue;
            long at = 0, bestAt = -1, bestGap = long.MaxValue;
            foreach (int p in placed)
            {
                if (!buffers[p].Overlaps(buffers[i])) continue;
                long gap = offsets[p] - at;
                if (gap >= sizes[i] && gap < bestGap) (bestGap, bestAt) = (gap, at);
                at = Math.Max(at, offsets[p] + sizes[p]);
            }
            if (bestAt < 0) bestAt = at;
            offsets[i] = bestAt;
            peak = Math.Max(peak, Checked.Add(bestAt, sizes[i]));
            if (peak >= limit) return null;
            int insert = placed.BinarySearch(i, Comparer<int>.Create((a, b) => offsets[a] != offsets[b] ? offsets[a].CompareTo(offsets[b]) : a.CompareTo(b)));
            placed.Insert(~insert, i);
        }
        return offsets;
    }

    // Moves the buffer that ends at the peak to the front of the order, and tries seeded swaps; keeps what helps.
    private static void Improve(Lifetime[] buffers, long[] sizes, int[] order, long bound, ref long[] best, ref long peak)
    {
        var random = new Random(1);
        var current = order.ToArray();
        var offsets = best;
        int rounds = Math.Min(SearchRounds, 4_000_000 / Math.Max(1, sizes.Length * sizes.Length));
        for (int round = 0; round < rounds && peak > bound; round++)
        {
            var trial = current.ToArray();
            if (round % 2 == 0)
            {
                long top = peak;
                var o = offsets;
                int culprit = Array.FindIndex(trial, i => o[i] + sizes[i] == top);
                if (culprit <= 0) culprit = random.Next(trial.Length);
                int to = random.Next(culprit + 1);
                int moved = trial[culprit];
                Array.Copy(trial, to, trial, to + 1, culprit - to);
                trial[to] = moved;
            }
            else
            {
                int a = random.Next(trial.Length), b = random.Next(trial.Length);
                (trial[a], trial[b]) = (trial[b], trial[a]);
            }
            if (Place(buffers, sizes, trial, peak, out long p) is not { } found) continue;
            (best, offsets, peak, current) = (found, found, p, trial);
        }
    }
}
