namespace Engine.Ptx.Tests;

/// <summary>The PTX that the product ships.</summary>
public sealed class ShippedTests
{
    public static TheoryData<string> Files => [.. Directory.GetFiles(Path.Combine(Root(), "kernels", "ptx"), "*.ptx").Select(Path.GetFileName).Order().Select(f => f!)];

    [Theory, MemberData(nameof(Files))]
    public void Every_instruction_is_one_that_is_executed(string file)
    {
        var module = PtxModule.Parse(File.ReadAllText(Path.Combine(Root(), "kernels", "ptx", file)), file);
        Assert.NotEmpty(module.Entries);
        foreach (PtxEntry entry in module.Entries.Values) entry.Prepare();
    }

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder != null && !File.Exists(Path.Combine(folder, "Engine.sln"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("no folder with Engine.sln above the tests");
    }
}
