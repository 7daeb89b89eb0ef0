using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;

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
        Assert.Contains("# | layer | op | out shape | scheme | kernel | tier | avg ms | p50 ms | % | cum % | GOP/s | weight KiB | vs dense", lines);
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
    public void A_baseline_is_compared_with_and_a_slower_case_is_exit_code_4()
    {
        Assert.Equal(0, Bench("m.onnx", "--runs", "2", "--warmup", "0", "--format", "json", "-o", "now.json").ExitCode);
        void Baseline(string name, double p50)
        {
            var json = JsonNode.Parse(File.ReadAllText(_folder.At("now.json")))!;
            json["models"]![0]!["p50_ms"] = p50;
            File.WriteAllText(_folder.At(name), json.ToJsonString());
        }
        Baseline("slow.json", 1e9);
        Baseline("fast.json", 1e-9);
        var faster = Bench("m.onnx", "--runs", "2", "--warmup", "0", "--compare", "slow.json");
        Assert.Equal(0, faster.ExitCode);
        Assert.Contains("| faster", faster.Output, StringComparison.Ordinal);
        var slower = Bench("m.onnx", "--runs", "2", "--warmup", "0", "--compare", "fast.json", "--tolerance", "0.05", "--format", "json");
        Assert.Equal(4, slower.ExitCode);
        Assert.Contains("slower: m, 1 thread, batch 1", slower.Error, StringComparison.Ordinal);
        using var report = JsonDocument.Parse(slower.Output);
        Assert.Equal("slower", report.RootElement.GetProperty("comparison")[0].GetProperty("verdict").GetString());
        Assert.Contains("not in the baseline", Bench("m.onnx", "--batch", "3", "--runs", "2", "--warmup", "0", "--compare", "fast.json").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_baseline_of_another_machine_or_file_is_told()
    {
        Assert.Equal(0, Bench("m.onnx", "--runs", "2", "--warmup", "0", "--format", "json", "-o", "now.json").ExitCode);
        var json = JsonNode.Parse(File.ReadAllText(_folder.At("now.json")))!;
        (json["cpu"], json["isa"], json["models"]![0]!["model_sha256"]) = ("a slide rule", "brass", "00");
        File.WriteAllText(_folder.At("other.json"), json.ToJsonString());
        var r = Bench("m.onnx", "--runs", "2", "--warmup", "0", "--compare", "other.json", "--tolerance", "1000%");
        foreach (string text in (string[])["another cpu: a slide rule", "instruction sets: brass", "another file"])
        {
            Assert.Contains(text, r.Output, StringComparison.Ordinal);
            Assert.Contains(text, r.Error, StringComparison.Ordinal);
        }
        File.WriteAllText(_folder.At("old.json"), "{\"schema_version\": 0, \"models\": []}");
        Bench("m.onnx", "--compare", "old.json").FailsWith(2, "schema version 0");
        Bench("m.onnx", "--compare", "m.onnx").FailsWith(2, "m.onnx");
        Bench("m.onnx", "--compare", "none.json").FailsWith(2, "none.json");
        Bench("m.onnx", "--compare", "now.json", "--tolerance", "much").FailsWith(2, "--tolerance");
    }

    [Fact]
    public void Inputs_come_from_files_and_numbers()
    {
        Assert.Equal(0, Bench("m.onnx", "--input", "x=x.npy", "--runs", "2", "--warmup", "0").ExitCode);
        Bench("nan.onnx", "--check-finite", "--input", "x=x.npy").FailsWith(2, "'x'");
        Bench("m.onnx", "--input", "x=1").FailsWith(2, "'x'");
        Bench("m.onnx", "--input", "q=1").FailsWith(2, "q=1", "'x'");
        Bench("m.onnx", "--input", "x=none.npy").FailsWith(2, "none.npy");
    }

    [Fact]
    public void A_trace_holds_the_steps_of_one_run()
    {
        Assert.Equal(0, Bench("m.onnx", "--threads", "1,2", "--runs", "2", "--warmup", "0", "--trace", "trace.json").ExitCode);
        using var json = JsonDocument.Parse(File.ReadAllText(_folder.At("trace.json")));
        var events = json.RootElement.GetProperty("traceEvents").EnumerateArray().ToList();
        Assert.Equal(["m, 1 thread, batch 1", "m, 2 threads, batch 1"], events.Where(e => e.GetProperty("ph").GetString() == "M").Select(e => e.GetProperty("args").GetProperty("name").GetString()));
        var steps = events.Where(e => e.GetProperty("ph").GetString() == "X").ToList();
        Assert.Equal([0, 0, 1, 1], steps.Select(e => e.GetProperty("pid").GetInt32()));
        Assert.All(steps, e => Assert.True(e.GetProperty("ts").GetDouble() >= 0 && e.GetProperty("dur").GetDouble() >= 0));
        Assert.Equal("MatMul", steps[0].GetProperty("cat").GetString());
    }

    [Theory]
    [InlineData("0")]
    [InlineData("2")]
    public void The_first_step_that_makes_a_NaN_is_named(string level)
    {
        Bench("nan.onnx", "--check-finite", "--opt-level", level).FailsWith(1, "'bad'", "Log", "NaN", "node by node the first is node 'bad' (Log");
        Assert.Contains("wrote finite numbers", Bench("m.onnx", "--check-finite", "--opt-level", level, "--runs", "2", "--warmup", "0").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plot_is_one_picture_with_a_bar_a_case()
    {
        Assert.Equal(0, Bench("m.onnx", "other.onnx", "--threads", "1,2", "--runs", "2", "--warmup", "0", "--plot", "p50.svg").ExitCode);
        var svg = XDocument.Load(_folder.At("p50.svg"));
        var texts = svg.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value).ToList();
        foreach (string text in (string[])["m", "other", "1 thread", "2 threads", "Engine"]) Assert.Contains(text, texts);
        Assert.Equal(1 + 4, svg.Descendants().Count(e => e.Name.LocalName == "rect"));
    }

    [Fact]
    public void Processes_are_timed_in_turn_and_their_failures_are_told()
    {
        using var json = JsonDocument.Parse(Bench("processes", "dotnet --version", "dotnet --version", "--runs", "2", "--warmup", "0", "--format", "json").Succeeds());
        var rows = json.RootElement.GetProperty("processes").EnumerateArray().ToList();
        Assert.All(rows, r => Assert.Equal(2, r.GetProperty("samples_ns").GetArrayLength()));
        Assert.Equal([JsonValueKind.Null, JsonValueKind.Number], rows.Select(r => r.GetProperty("ratio").ValueKind));
        Bench("processes", "dotnet no-such-verb").FailsWith(1, "dotnet no-such-verb", "exit code");
        Bench("processes", "no-such-program").FailsWith(2, "no-such-program");
    }

    [Fact]
    public void Loading_is_timed_with_and_without_what_the_file_has_packed()
    {
        Assert.Equal(0, ProgramRun.Engine(_folder.Path, "convert", "m.onnx", "-o", "m.engine", "--pack").ExitCode);
        using var json = JsonDocument.Parse(Bench("loading", "m.onnx", "m.engine", "--runs", "2", "--shape", "x:1x3", "--format", "json").Succeeds());
        var rows = json.RootElement.GetProperty("loading").EnumerateArray().ToList();
        Assert.Equal(["full", "header", "full", "header"], rows.Select(r => r.GetProperty("verification").GetString()));
        Assert.Equal([true, true, false, false], rows.Select(r => r.GetProperty("packed_mib").GetDouble() > 0));
        Assert.Equal([false, false, true, true], rows.Select(r => r.GetProperty("stored_packed_mib").GetDouble() > 0));
        using var only = JsonDocument.Parse(Bench("loading", "m.engine", "--only-load", "--verify", "header", "--runs", "1", "--format", "json").Succeeds());
        Assert.Equal(JsonValueKind.Null, only.RootElement.GetProperty("loading")[0].GetProperty("plan_ms").ValueKind);
        Bench("loading", "none.engine").FailsWith(2, "none.engine");
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
