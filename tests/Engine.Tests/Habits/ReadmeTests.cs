using System.Text.RegularExpressions;

namespace Engine.Tests.Habits;

/// <summary>Code in documents is code of <see cref="ReadmeExamples"/>: it compiles, and the tests run it.</summary>
public sealed partial class ReadmeTests
{
    [Theory]
    [InlineData("README.md", "README")]
    [InlineData("docs/add-an-op.md", "OPERATOR")]
    public void Code_is_an_example_that_compiles(string document, string mark)
    {
        var examples = Regions().Matches(Repository.Read("tests/Engine.Tests/Habits/ReadmeExamples.cs")).Where(m => m.Groups[1].Value == mark).Select(m => Unindent(m.Groups[2].Value));
        var shown = Blocks().Matches(Repository.Read(document)).Select(m => m.Groups[1].Value.TrimEnd());
        Assert.Equal(examples.Order(), shown.Order());
    }

    public static TheoryData<string> Documents => ["README.md", .. Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Repository.Root, f)).Order()];

    [Theory, MemberData(nameof(Documents))]
    public void Links_lead_to_files(string document)
    {
        string folder = Path.GetDirectoryName(Path.Combine(Repository.Root, document))!;
        var paths = Links().Matches(Repository.Read(document)).Select(m => m.Groups[1].Value).Where(p => !p.Contains("://", StringComparison.Ordinal));
        Assert.All(paths, p => Assert.True(Path.Exists(Path.Combine(folder, p)), $"{document} links to {p}"));
    }

    [Fact]
    public void Classifies_the_picture() => Assert.Equal(9, ReadmeExamples.Classify(Repository.Root));

    [Fact]
    public void Runs_on_spans_without_allocation() => ReadmeExamples.RunInPlace(Repository.Root);

    [Fact]
    public void Runs_an_operator_of_the_host() => Assert.Equal([1, 4, 9], ReadmeExamples.RunOwnOperator([1, -2, 3]));

    // The reader starts programs in the repository; tests do not.
    private static string Unindent(string code)
    {
        var lines = code.Replace("$\"{repository}/", "\"", StringComparison.Ordinal).Trim('\n').Split('\n');
        int margin = lines.Where(l => l.Trim().Length > 0).Min(l => l.Length - l.TrimStart().Length);
        return string.Join('\n', lines.Select(l => l.Length >= margin ? l[margin..] : "")).TrimEnd();
    }

    [GeneratedRegex(@"// (README|OPERATOR)\n(.*?)\n *// END", RegexOptions.Singleline)]
    private static partial Regex Regions();

    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Blocks();

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Links();
}
