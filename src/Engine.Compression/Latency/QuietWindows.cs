namespace Engine.Compression;

/// <summary>Measurements beside other programs, which may take a processor for a while: windows are repeated until two agree.</summary>
public static class QuietWindows
{
    private const int Most = 6, MostDisturbed = 8;

    // Two windows agree when what they measured is as close.
    private const double Close = 1.04;

    // Percent of the processors beyond those that the runs leave free; /proc/stat counts hundredths of a second, so that one tick of a short window is some percent already.
    private const double Disturbed = 12;

    /// <summary>
    /// What the fastest window gives, once the two fastest agree within 4 %, or after six: a program that takes a processor slows all runs of a window, and with as many threads as processors it takes one of ours. Windows in
    /// which the system says that others did are repeated, up to eight in all.
    /// </summary>
    /// <param name="threads">Threads of a run.</param>
    /// <param name="window">Runs for a while; the nanoseconds that it found, and what comes of it.</param>
    public static T Least<T>(int threads, Func<(double Nanoseconds, T Value)> window)
    {
        double most = Disturbed + 100.0 * Math.Max(0, Environment.ProcessorCount - threads) / Environment.ProcessorCount;
        var seen = new List<(double Nanoseconds, T Value)>();
        for (int all = 1; ; all++)
        {
            var load = new OtherLoad();
            var one = window();
            // The last one counts whatever happened, if there is no other.
            if (load.Percent() > most && (all < MostDisturbed || seen.Count > 0))
            {
                if (all >= MostDisturbed) return seen[0].Value;
                continue;
            }
            seen.Add(one);
            seen.Sort((a, b) => a.Nanoseconds.CompareTo(b.Nanoseconds));
            if (all >= MostDisturbed || seen.Count >= Most || seen.Count > 1 && seen[1].Nanoseconds <= Close * seen[0].Nanoseconds) return seen[0].Value;
        }
    }
}
