using System.Text.Json;

namespace Engine.EndToEnd;

/// <summary><c>engine-bench kernels</c> on tiny shapes: the shape of its tables, not its numbers.</summary>
public sealed class KernelsTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ProgramRun Kernels(params string[] arguments) => ProgramRun.Bench(_folder.Path, ["kernels", .. arguments]);

    [Fact]
    public void Every_tier_has_a_row_and_one_of_them_is_the_pick()
    {
        using var json = JsonDocument.Parse(Kernels("gemm-f32", "--shape", "24x33x17", "--runs", "2", "--min-time", "0", "--format", "json").Succeeds());
        var rows = json.RootElement.GetProperty("kernels").EnumerateArray().ToList();
        Assert.Equal("scalar", rows[^1].GetProperty("tier").GetString());
        Assert.Single(rows, r => r.GetProperty("is_pick").GetBoolean());
        Assert.All(rows, r =>
        {
            Assert.Equal("24x33x17", r.GetProperty("shape").GetString());
            Assert.True(r.GetProperty("p50_us").GetDouble() > 0);
            Assert.True(r.GetProperty("percent_of_limit").GetDouble() > 0);
            Assert.True(r.GetProperty("ratio_low").GetDouble() <= r.GetProperty("ratio_high").GetDouble());
        });
    }

    [Fact]
    public void Peers_stand_below_the_pick_or_are_said_to_be_missing()
    {
        var r = Kernels("gemm-f32", "--shape", "24x33x17", "--runs", "2", "--min-time", "0", "--peer", "onnxruntime,onednn,ggml", "--format", "json");
        if (r.ExitCode == 2)
        {
            r.FailsWith(2, "--peer");
            return;
        }
        using var json = JsonDocument.Parse(r.Succeeds());
        var names = json.RootElement.GetProperty("kernels").EnumerateArray().Where(x => x.GetProperty("is_pick").ValueKind == JsonValueKind.Null).Select(x => x.GetProperty("tier").GetString()!.Split(' ')[0]);
        Assert.Equal(["onnxruntime", "onednn", "ggml"], names);
    }

    [Fact]
    public void The_list_names_kernels_with_their_tiers_and_shapes()
    {
        string text = Kernels("--list").Succeeds();
        foreach (string part in (string[])["gemm-f32", "conv-blocked", "scalar", "m x n x k", "1024x1024x1024"]) Assert.Contains(part, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_shows_examples() => Assert.Contains("  engine-bench kernels gemm-f32 --shape 1024x1024x1024", Kernels("--help").Succeeds(), StringComparison.Ordinal);

    [Fact]
    public void Wrong_use_is_one_line_and_exit_code_2()
    {
        Kernels("gemm").FailsWith(2, "gemm", "gemm-f32");
        Kernels("--shape", "8x8x8").FailsWith(2, "--shape");
        Kernels("gemm-f32", "--shape", "8x8").FailsWith(2, "8x8", "m x n x k");
        Kernels("gemm-f32", "--shape", "8x8xy").FailsWith(2, "8x8xy");
        Kernels("gemm-f32", "--peer", "nobody").FailsWith(2, "nobody", "onednn");
        Kernels("gemm-f32", "--runs", "0").FailsWith(2, "--runs");
        Kernels("gemm-f32", "--threads", "100000").FailsWith(2, "processors");
    }
}
