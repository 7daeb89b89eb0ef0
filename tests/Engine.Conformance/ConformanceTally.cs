namespace Engine.Conformance;

/// <summary>Counts the cases of a run; prints the total, and writes each failure to a file beside the assembly.</summary>
public sealed class ConformanceTally : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<string> _failures = [];
    private int _passed;

    public void Passed() => Interlocked.Increment(ref _passed);

    public void Failed(string name, Exception e)
    {
        lock (_lock) _failures.Add($"{name}\t{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
    }

    public void Dispose()
    {
        _failures.Sort(StringComparer.Ordinal);
        File.WriteAllLines(Path.Combine(AppContext.BaseDirectory, "failures.txt"), _failures);
        Console.WriteLine($"conformance: {_passed} of {ConformanceData.Cases.Count} pass, {ConformanceData.Cases.Keys.Count(ConformanceData.Skips.ContainsKey)} skipped, {_failures.Count} failed");
    }
}
