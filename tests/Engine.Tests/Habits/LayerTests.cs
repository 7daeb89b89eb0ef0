using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Engine.Tests.Habits;

/// <summary>The layer table of docs/map.md holds for every project.</summary>
public sealed partial class LayerTests
{
    private static readonly IReadOnlyDictionary<string, int> s_layers = ReadMap();

    public static TheoryData<string> Projects => [.. Repository.Projects.Keys.Order()];

    [Theory, MemberData(nameof(Projects))]
    public void References_point_down(string project)
    {
        Assert.True(s_layers.TryGetValue(project, out int layer), $"{project} has no row in the layer table of docs/map.md");
        var references = XDocument.Load(Repository.Projects[project]).Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/'))).ToList();
        // Bindings of other engines stand outside the layers; only the program that compares may use them.
        if (project == "Engine.Bench") references.Remove("Engine.Peers");
        Assert.All(references, r => Assert.True(s_layers[r] < layer, $"{project} (layer {layer}) refers to {r} (layer {s_layers[r]})"));
    }

    [Theory, MemberData(nameof(Projects))]
    public void Is_in_the_solution(string project) => Assert.Contains($"\"{project}\", \"src\\{project}\\{project}.csproj\"", Repository.Read("Engine.sln"), StringComparison.Ordinal);

    [Fact]
    public void The_map_names_no_other_project() => Assert.Equal(Repository.Projects.Keys.Order(), s_layers.Keys.Order());

    private static Dictionary<string, int> ReadMap() =>
        LayerRow().Matches(Repository.Read("docs/map.md")).ToDictionary(m => m.Groups[2].Value, m => int.Parse(m.Groups[1].Value));

    [GeneratedRegex(@"^\| (\d) \| `(Engine[\w.]*)` \|", RegexOptions.Multiline)]
    private static partial Regex LayerRow();
}
