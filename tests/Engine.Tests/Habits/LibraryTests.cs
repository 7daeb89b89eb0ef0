using System.Text.RegularExpressions;

namespace Engine.Tests.Habits;

/// <summary>What a library may not do to the process it lives in.</summary>
public sealed partial class LibraryTests
{
    // Programs own their process.
    private static readonly string[] s_programs = [.. Repository.Projects.Where(p => File.ReadAllText(p.Value).Contains("<OutputType>Exe</OutputType>", StringComparison.Ordinal)).Select(p => p.Key)];

    [Fact]
    public void Libraries_neither_write_to_the_console_nor_end_the_process()
    {
        var faults = from p in Repository.Projects
                     where !s_programs.Contains(p.Key)
                     from file in Directory.EnumerateFiles(Path.GetDirectoryName(p.Value)!, "*.cs", SearchOption.AllDirectories)
                     from line in File.ReadLines(file)
                     where Forbidden().IsMatch(line)
                     select $"{Path.GetRelativePath(Repository.Root, file)}: {line.Trim()}";
        Assert.Empty(faults);
    }

    [GeneratedRegex(@"\bConsole\.|\bEnvironment\.(Exit|FailFast)\b|\bProcess\.GetCurrentProcess\(\)\.Kill")]
    private static partial Regex Forbidden();
}
