using Engine.Formats.Onnx;

namespace Engine.Conformance;

/// <summary>Where the cases lie, and which of them are left out.</summary>
internal static class ConformanceData
{
    private const string NoData = "(no data)";

    /// <summary>Cases by name.</summary>
    public static IReadOnlyDictionary<string, OnnxTestCase> Cases { get; } = Find();

    /// <summary>Names of the cases; one stands in for all of them where there is no data.</summary>
    public static IEnumerable<string> Names => Cases.Keys.DefaultIfEmpty(NoData);

    /// <summary>Reasons by name of case.</summary>
    public static IReadOnlyDictionary<string, string> Skips { get; } = ReadSkips();

    private static Dictionary<string, string> ReadSkips()
    {
        var skips = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "skips.txt"))
            .Where(l => l.Length > 0 && l[0] != '#')
            .Select(l => l.Split('\t', 2))
            .ToDictionary(p => p[0], p => p[1]);
        skips[NoData] = "no conformance data found: set ENGINE_CONFORMANCE, or install libonnx-testdata";
        return skips;
    }

    private static Dictionary<string, OnnxTestCase> Find()
    {
        var cases = new Dictionary<string, OnnxTestCase>();
        if (Folder() is { } folder)
            foreach (var c in OnnxTestCases.Find(folder))
                if (!cases.TryAdd(c.Name, c)) cases.Add(Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(c.ModelPath)!)) + "/" + c.Name, c);
        return cases;
    }

    private static string? Folder()
    {
        var candidates = new List<string?> { Environment.GetEnvironmentVariable("ENGINE_CONFORMANCE") };
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (File.Exists(Path.Combine(d.FullName, "Engine.sln"))) candidates.Add(Path.Combine(d.FullName, ".data", "conformance"));
        // Where Debian's libonnx-testdata puts them.
        candidates.Add("/usr/share/libonnx-testdata/data");
        return candidates.FirstOrDefault(Directory.Exists);
    }
}
