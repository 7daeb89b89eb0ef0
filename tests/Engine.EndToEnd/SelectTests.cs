using System.Text.Json;
using Engine.Formats.Data;

namespace Engine.EndToEnd;

/// <summary>Parts of the nested network: <c>engine select</c>, and the other verbs' options for a part.</summary>
public sealed class SelectTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public SelectTests()
    {
        string source = Path.Combine(CompressTests.Repository(), "bench", "models", "fashion-nested");
        foreach (string f in (string[])["model.onnx", "input.npy"]) File.Copy(Path.Combine(source, f), _folder.At(f == "model.onnx" ? "nested.onnx" : "picture.npy"));
    }

    public void Dispose() => _folder.Dispose();

    private ProgramRun Engine(params string[] arguments) => ProgramRun.Engine(_folder.Path, arguments);

    [Fact]
    public void A_part_runs_and_is_written_as_a_model_of_its_own_with_the_same_result()
    {
        string[] part = ["--width", "two=32,one=16", "--depth", "1", "--kernel-size", "3"];
        Engine(["run", "nested.onnx", "-i", "picture.npy", "-o", "a.npy", .. part]).Succeeds();
        Engine(["convert", "nested.onnx", "-o", "small.engine", .. part]).Succeeds();
        Engine("run", "small.engine", "-i", "picture.npy", "-o", "b.npy").Succeeds();
        Assert.Equal(NpyFile.Read(_folder.At("a.npy")).Span<float>().ToArray(), NpyFile.Read(_folder.At("b.npy")).Span<float>().ToArray());
        Engine("run", "nested.onnx", "-i", "picture.npy", "-o", "c.npy").Succeeds();
        Assert.NotEqual(NpyFile.Read(_folder.At("a.npy")).Span<float>().ToArray(), NpyFile.Read(_folder.At("c.npy")).Span<float>().ToArray());
        using var json = JsonDocument.Parse(Engine(["inspect", "nested.onnx", "--format", "json", .. part]).Succeeds());
        Assert.Equal(5, json.RootElement.GetProperty("elastic").GetArrayLength());
        Assert.Equal("width one 16, width two 32, depth one 1, depth two 1, kernel stem 3", json.RootElement.GetProperty("part").GetString());
        using var plan = JsonDocument.Parse(Engine(["inspect", "nested.onnx", "--plan", "--shape", "x:1x1x28x28", "--format", "json", "--width", "0.5"]).Succeeds());
        Assert.Contains(plan.RootElement.GetProperty("part_forms").EnumerateArray(), f => f.GetProperty("held_as").GetString() == "view of the whole" && f.GetProperty("kib").GetDouble() > 1);
        Assert.True(plan.RootElement.GetProperty("part_own_bytes").GetInt64() < plan.RootElement.GetProperty("part_shared_bytes").GetInt64());
        Assert.False(JsonDocument.Parse(Engine("inspect", "small.engine", "--format", "json").Succeeds()).RootElement.TryGetProperty("elastic", out _));
        Engine("run", "nested.onnx", "-i", "picture.npy", "--width", "two=33").FailsWith(2);
        Engine("run", "nested.onnx", "-i", "picture.npy", "--width", "wide").FailsWith(2);
        Engine("run", "nested.onnx", "-i", "picture.npy", "--rank", "0").FailsWith(2);
    }

    [Fact]
    public void The_part_that_loses_least_within_a_latency_is_chosen_reported_and_written()
    {
        string[] common = ["--shape", "x:1x1x28x28", "--threads", "1", "--latency-table", "t.json", "--format", "json"];
        using var json = JsonDocument.Parse(Engine(["select", "nested.onnx", "--latency", "10s", "--validate", "5", "-o", "all.onnx", .. common]).Succeeds());
        var root = json.RootElement;
        // Everything fits: nothing is left out.
        Assert.Equal("width one 32, width two 64, depth one 2, depth two 2, kernel stem 5", root.GetProperty("part").GetString());
        Assert.Equal(0, root.GetProperty("loss").GetDouble());
        Assert.True(root.GetProperty("predicted_ms").GetDouble() > 0 && root.GetProperty("measured_ms").GetDouble() > 0);
        Assert.Equal(5, root.GetProperty("validation").GetArrayLength());
        Assert.InRange(root.GetProperty("spearman").GetDouble(), -1, 1);
        Engine("run", "all.onnx", "-i", "picture.npy", "-o", "a.npy").Succeeds();
        Engine("run", "nested.onnx", "-i", "picture.npy", "-o", "b.npy").Succeeds();
        Assert.Equal(NpyFile.Read(_folder.At("b.npy")).Span<float>().ToArray(), NpyFile.Read(_folder.At("a.npy")).Span<float>().ToArray());
        using var table = JsonDocument.Parse(File.ReadAllText(_folder.At("t.json")));
        Assert.Contains(table.RootElement.GetProperty("entries").EnumerateArray(), e => e.GetProperty("operator").GetString()!.StartsWith("Conv+Relu", StringComparison.Ordinal) && e.GetProperty("p95_ns").GetInt64() >= e.GetProperty("ns").GetInt64());
        Engine(["select", "nested.onnx", "--latency", "1ns", .. common]).FailsWith(4, "the smallest takes");
        Engine(["select", "nested.onnx", "--latency", "soon", .. common]).FailsWith(2);
        Engine("select", "m.onnx", "--latency", "1ms").FailsWith(2);
    }

    [Fact]
    public void Groups_of_channels_are_found_and_described()
    {
        Engine("convert", "nested.onnx", "-o", "elastic.engine", "--elastic").Succeeds();
        using var json = JsonDocument.Parse(Engine("inspect", "elastic.engine", "--format", "json").Succeeds());
        Assert.Equal(["16 32", "16 32 48 64"], json.RootElement.GetProperty("elastic").EnumerateArray().Where(e => e.GetProperty("dimension").GetString() == "width").Select(e => e.GetProperty("choices").GetString()));
        Engine("run", "elastic.engine", "-i", "picture.npy", "--width", "0.5", "-o", "a.npy").Succeeds();
        Engine("run", "nested.onnx", "-i", "picture.npy", "--width", "0.5", "-o", "b.npy").Succeeds();
        Assert.Equal(NpyFile.Read(_folder.At("b.npy")).Span<float>().ToArray(), NpyFile.Read(_folder.At("a.npy")).Span<float>().ToArray());
    }
}
