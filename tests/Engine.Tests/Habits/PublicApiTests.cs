namespace Engine.Tests.Habits;

/// <summary>docs/api.txt is the public interface; <c>ENGINE_UPDATE_API=1</c> rewrites it.</summary>
public sealed class PublicApiTests
{
    [Fact]
    public void Is_what_the_snapshot_says()
    {
        const string snapshot = "docs/api.txt";
        string actual = PublicApi.Describe(typeof(Model).Assembly);
        if (Environment.GetEnvironmentVariable("ENGINE_UPDATE_API") == "1") File.WriteAllText(Path.Combine(Repository.Root, snapshot), actual);
        var before = Repository.Read(snapshot).Split('\n');
        var now = actual.Split('\n');
        var changes = before.Except(now).Select(l => "- " + l.Trim()).Concat(now.Except(before).Select(l => "+ " + l.Trim())).Take(20).ToList();
        Assert.True(changes.Count == 0 && before.Length == now.Length, $"the public interface differs from {snapshot}; ENGINE_UPDATE_API=1 rewrites it:\n{string.Join('\n', changes)}");
    }
}
