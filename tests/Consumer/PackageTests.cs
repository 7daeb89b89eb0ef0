using Engine.Tests.Habits;

namespace Consumer;

/// <summary>The packages serve a program that knows nothing of the repository but its models.</summary>
public sealed class PackageTests
{
    private static readonly string s_repository = Find();

    [Fact]
    public void Classifies_the_sample_picture() => Assert.Equal(9, ReadmeExamples.Classify(s_repository));

    [Fact]
    public void Allocates_nothing() => ReadmeExamples.RunInPlace(s_repository);

    [Fact]
    public void Runs_an_operator_of_its_own() => Assert.Equal([1, 4, 9], ReadmeExamples.RunOwnOperator([1, -2, 3]));

    private static string Find()
    {
        var d = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(d.FullName, "Engine.sln"))) d = d.Parent ?? throw new DirectoryNotFoundException("the tests run inside the repository");
        return d.FullName;
    }
}
