using System.Text.Json;

namespace Engine.EndToEnd;

/// <summary><c>engine-bench</c> on small models: the shape of its tables, not its numbers.</summary>
public sealed class BenchTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ProgramRun Bench(params string[] arguments) => ProgramRun.Bench(_folder.Path, arguments);

    [Fact]
    public void Tables_have_the_documented_columns()
    {
        var r = Bench("m.onnx", "--runs", "3", "--warmup", "0", "--layers");
        Assert.Equal(0, r.ExitCode);
        var lines = r.Output.Split('\n').Select(l => string.Join(" | ", l.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))).ToList();
        Assert.Contains("model | size MiB | params | scheme | backend | threads | batch | runs | p50 ms | mean ± sd ms | p99 ms | inf/s | alloc B/run | peak MiB", lines);
        Assert.Contains("# | layer | op | out shape | scheme | kernel | avg ms | p50 ms | % | cum % | GOP/s | weight KiB | vs dense", lines);
    }

    [Fact]
    public void Json_holds_samples_and_environment()
    {
        var r = Bench("m.onnx", "other.onnx", "--runs", "3", "--warmup", "0", "--threads", "1,2", "--batch", "1,4", "--percentiles", "90", "--layers", "--format", "json", "-o", "out.json");
        Assert.Equal((0, ""), (r.ExitCode, r.Output));
        using var json = JsonDocument.Parse(File.ReadAllText(_folder.At("out.json")));
        var root = json.RootElement;
        Assert.Equal(1, root.GetProperty("schema_version").GetInt32());
        foreach (string key in (string[])["engine_commit", "cpu", "isa", "os", "runtime"]) Assert.NotEqual("", root.GetProperty(key).GetString());
        var rows = root.GetProperty("models").EnumerateArray().ToList();
        Assert.Equal(8, rows.Count);
        Assert.Equal([1, 1, 4, 4, 1, 1, 4, 4], rows.Select(x => x.GetProperty("batch").GetInt32()));
        Assert.Equal([1, 2, 1, 2, 1, 2, 1, 2], rows.Select(x => x.GetProperty("threads").GetInt32()));
        Assert.All(rows, x =>
        {
            Assert.Equal(3, x.GetProperty("samples_ns").GetArrayLength());
            Assert.Equal(64, x.GetProperty("model_sha256").GetString()!.Length);
            Assert.True(x.GetProperty("p90_ms").GetDouble() <= x.GetProperty("p99_ms").GetDouble());
            Assert.Equal(0, x.GetProperty("alloc_bytes_per_run").GetDouble());
        });
        Assert.Equal(16, root.GetProperty("layers").GetArrayLength());
    }

    [Fact]
    public void A_peer_adds_columns_or_says_how_to_get_it()
    {
        var r = Bench("m.onnx", "--runs", "2", "--warmup", "0", "--peer", "onnxruntime", "--format", "json");
        if (r.ExitCode != 0)
        {
            r.FailsWith(2, "./build.sh peers");
            return;
        }
        using var json = JsonDocument.Parse(r.Output);
        var row = json.RootElement.GetProperty("models")[0];
        Assert.Equal("onnxruntime", row.GetProperty("peer").GetString());
        Assert.InRange(row.GetProperty("ratio").GetDouble(), row.GetProperty("ratio_low").GetDouble(), row.GetProperty("ratio_high").GetDouble());
        Assert.Equal(row.GetProperty("peer_samples_ns").GetArrayLength(), row.GetProperty("interleaved_samples_ns").GetArrayLength());
        Assert.NotEqual("", json.RootElement.GetProperty("onnxruntime_version").GetString());
    }

    [Fact]
    public void Peers_of_kernels_do_not_run_models()
    {
        Bench("m.onnx", "--peer", "ggml").FailsWith(2, "ggml", "engine-bench kernels");
        Bench("m.onnx", "--peer", "other").FailsWith(2, "other", "onednn");
    }

    [Fact]
    public void Threads_are_bound_and_sleep_as_asked()
    {
        int p = Kernels.ThreadAffinity.Allowed()[0];
        var r = Bench("m.onnx", "--runs", "2", "--warmup", "0", "--threads", "2", "--affinity", $"{p},{p}", "--spin-us", "0", "--format", "json");
        using var json = JsonDocument.Parse(r.Output);
        Assert.Equal((0, 0, $"{p},{p}"), (r.ExitCode, json.RootElement.GetProperty("spin_us").GetInt32(), json.RootElement.GetProperty("affinity").GetString()));
        Bench("m.onnx", "--affinity", "1000").FailsWith(2, "--affinity");
        Bench("m.onnx", "--affinity", "a").FailsWith(2, "'a'");
        Bench("m.onnx", "--spin-us", "-1").FailsWith(2, "--spin-us");
    }

    [Fact]
    public void Networks_are_written_and_run()
    {
        Assert.Equal("nets" + Path.DirectorySeparatorChar + "mobilenetv2.onnx", Bench("networks", "nets", "--only", "mobilenetv2").Succeeds().Trim());
        Assert.Equal(0, Bench("nets/mobilenetv2.onnx", "--runs", "1", "--warmup", "0").ExitCode);
        Bench("networks", "nets", "--only", "vgg").FailsWith(2, "vgg", "resnet18");
    }

    [Fact]
    public void Help_shows_examples()
    {
        string text = Bench("--help").Succeeds();
        Assert.Contains("  engine-bench m.onnx", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_of_a_verb_shows_its_examples() => Assert.Contains("  engine-bench networks artifacts/networks", Bench("networks", "--help").Succeeds(), StringComparison.Ordinal);

    [Fact]
    public void Wrong_use_is_one_line_and_exit_code_2()
    {
        Bench().FailsWith(2);
        Bench("nothing.onnx").FailsWith(2, "nothing.onnx");
        Bench("m.onnx", "--shape", "z:1x3").FailsWith(2, "z", "'x'");
        Bench("m.onnx", "--runs", "0").FailsWith(2, "--runs");
        Bench("m.onnx", "--min-time", "soon").FailsWith(2, "--min-time");
        Bench("m.onnx", "--percentiles", "100").FailsWith(2, "--percentiles");
        Bench("unknown.onnx").FailsWith(3, "NoSuchOperator");
    }
}
