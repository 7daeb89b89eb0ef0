namespace Engine.PeerTests;

/// <summary>Files of the repository, and of the folders that <c>./build.sh data</c> and <c>./build.sh peers</c> fill.</summary>
internal static class Repository
{
    /// <summary>The folder of Engine.sln.</summary>
    public static string Root { get; } = Find();

    /// <summary>A file below <c>.data</c>.</summary>
    public static string Data(string path) => Path.Combine(Root, ".data", path);

    /// <summary>A file below <c>bench/models</c>.</summary>
    public static string Model(string path) => Path.Combine(Root, "bench", "models", path);

    private static string Find()
    {
        var d = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(d.FullName, "Engine.sln"))) d = d.Parent ?? throw new DirectoryNotFoundException("the tests run inside the repository");
        return d.FullName;
    }
}
