using Engine.Formats.Onnx;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Files of the repository that tests read.</summary>
internal static class Repository
{
    /// <summary>The folder of Engine.sln.</summary>
    public static string Root { get; } = Find();

    /// <summary>Project files under src, by name.</summary>
    public static IReadOnlyDictionary<string, string> Projects { get; } =
        Directory.GetFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories).ToDictionary(p => Path.GetFileNameWithoutExtension(p), p => p);

    /// <summary>Text of a file, with line ends of one character.</summary>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path)).ReplaceLineEndings("\n");

    /// <summary>Paths of the models that ship with the repository.</summary>
    public static IEnumerable<string> Models() => Directory.EnumerateFiles(Path.Combine(Root, "bench", "models"), "model.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    /// <summary>The stored inputs of such a model.</summary>
    public static RuntimeValue[] Inputs(string path, Model model)
    {
        var set = OnnxTestCases.Find(Path.GetDirectoryName(path)!).Single().DataSets[0];
        return [.. set.ReadInputs(model.Definition.Graph)];
    }

    private static string Find()
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (File.Exists(Path.Combine(d.FullName, "Engine.sln"))) return d.FullName;
        throw new DirectoryNotFoundException("Engine.sln is not above the test assembly");
    }
}
