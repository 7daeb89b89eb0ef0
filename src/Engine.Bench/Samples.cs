namespace Engine.Bench;

/// <summary>Durations of runs in nanoseconds.</summary>
internal sealed class Samples
{
    private readonly long[] _sorted;

    public Samples(IReadOnlyList<long> nanoseconds)
    {
        InOrder = [.. nanoseconds];
        _sorted = [.. nanoseconds.Order()];
        Mean = InOrder.Length == 0 ? 0 : InOrder.Average();
        Deviation = InOrder.Length < 2 ? 0 : Math.Sqrt(InOrder.Sum(x => (x - Mean) * (x - Mean)) / (InOrder.Length - 1));
    }

    public long[] InOrder { get; }

    public double Mean { get; }

    /// <summary>Standard deviation of the sample.</summary>
    public double Deviation { get; }

    /// <summary>Deviation over mean.</summary>
    public double Variation => Mean == 0 ? 0 : Deviation / Mean;

    /// <summary>Percentile in (0, 100), interpolated between neighbours.</summary>
    public double Percentile(double p)
    {
        if (_sorted.Length == 0) return 0;
        double at = p / 100 * (_sorted.Length - 1);
        int low = (int)at;
        return low + 1 < _sorted.Length ? _sorted[low] + (at - low) * (_sorted[low + 1] - _sorted[low]) : _sorted[low];
    }
}
