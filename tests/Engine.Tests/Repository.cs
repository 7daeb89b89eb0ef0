using Engine.Formats.Onnx;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Files of the repository that tests read.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

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
