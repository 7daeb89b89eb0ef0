namespace Engine.Tests.Habits;

/// <summary>The checked-out files, for tests of the project's own habits.</summary>
internal static class Repository
{
    /// <summary>The folder of Engine.sln.</summary>
    public static string Root { get; } = Find();

    /// <summary>Project files under src, by name.</summary>
    public static IReadOnlyDictionary<string, string> Projects { get; } =
        Directory.GetFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories).ToDictionary(p => Path.GetFileNameWithoutExtension(p), p => p);

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path)).ReplaceLineEndings("\n");

    private static string Find()
    {
        var d = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(d.FullName, "Engine.sln"))) d = d.Parent ?? throw new DirectoryNotFoundException("the tests run inside the repository");
        return d.FullName;
    }
}
