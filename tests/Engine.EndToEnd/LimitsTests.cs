using System.Text.Json;

namespace Engine.EndToEnd;

/// <summary><c>engine-bench limits</c>: which limits it names, not how high they are.</summary>
public sealed class LimitsTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ProgramRun Limits(params string[] arguments) => ProgramRun.Bench(_folder.Path, ["limits", .. arguments]);

    [Fact]
    public void Every_limit_has_one_fastest_form_for_each_number_of_threads()
    {
        using var json = JsonDocument.Parse(Limits("--budget", "1", "--format", "json").Succeeds());
        Assert.NotEqual("", json.RootElement.GetProperty("cpu").GetString());
        var rows = json.RootElement.GetProperty("limits").EnumerateArray().ToList();
        Assert.Superset(new HashSet<string?> { "f32 multiply-add", "int8 multiply-add", "xor and popcount", "read L1", "read L2", "read memory" }, rows.Select(r => r.GetProperty("what").GetString()).ToHashSet());
        Assert.All(rows, r => Assert.True(r.GetProperty("rate").GetDouble() > 0));
        Assert.All(rows.GroupBy(r => r.GetProperty("what").GetString()), g => Assert.Single(g, r => r.GetProperty("is_limit").GetBoolean()));
    }

    [Fact]
    public void Help_shows_examples() => Assert.Contains("  engine-bench limits --threads 1,2", Limits("--help").Succeeds(), StringComparison.Ordinal);

    [Fact]
    public void Wrong_use_is_one_line_and_exit_code_2()
    {
        Limits("--threads", "0").FailsWith(2, "--threads");
        Limits("--threads", "100000").FailsWith(2, "processors");
        Limits("--budget", "0").FailsWith(2, "--budget");
    }
}
