using System.Text.Json;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.EndToEnd;

/// <summary>Every verb of <c>engine</c> on small models.</summary>
public sealed class EngineTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ProgramRun Engine(params string[] arguments) => ProgramRun.Engine(_folder.Path, arguments);

    [Theory]
    [InlineData]
    [InlineData("run")]
    [InlineData("inspect")]
    [InlineData("verify")]
    [InlineData("compress")]
    [InlineData("compare")]
    [InlineData("convert")]
    [InlineData("stream")]
    public void Help_lists_examples_and_exit_codes(params string[] verb)
    {
        string text = Engine([.. verb, "--help"]).Succeeds();
        Assert.Contains("Usage:\n  engine ", text.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains("4  ran, but", text, StringComparison.Ordinal);
        if (verb.Length > 0) Assert.Contains($"  engine {verb[0]} ", text[text.IndexOf("Examples:", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }

    [Fact]
    public void Run_writes_outputs()
    {
        Assert.Equal("", Engine("run", "m.onnx", "--input", "x=x.npy", "--output", "y=y.npy").Succeeds());
        var y = NpyFile.Read(_folder.At("y.npy"));
        Assert.Equal(new Shape(2, 1), y.Shape);
        Assert.Equal([11, 14], y.Span<float>().ToArray());
    }

    [Fact]
    public void Run_needs_no_names_for_one_input_and_one_output()
    {
        Engine("run", "m.onnx", "-i", "x.npy", "-o", "y.npy", "--threads", "1").Succeeds();
        Assert.Equal([11, 14], NpyFile.Read(_folder.At("y.npy")).Span<float>().ToArray());
    }

    [Fact]
    public void Run_summarizes_outputs()
    {
        using var json = JsonDocument.Parse(Engine("run", "m.onnx", "-i", "x.npy", "--format", "json").Succeeds());
        var row = json.RootElement.GetProperty("outputs")[0];
        Assert.Equal("y", row.GetProperty("output").GetString());
        Assert.Equal("f32[2,1]", row.GetProperty("type").GetString());
        Assert.Equal(11, row.GetProperty("min").GetDouble());
        Assert.Equal(12.5, row.GetProperty("mean").GetDouble());
    }

    [Fact]
    public void Run_takes_random_inputs_that_are_the_same_every_time()
    {
        string first = Engine("run", "m.onnx", "--shape", "x:4x3").Succeeds();
        Assert.Contains("f32[2,4]", first, StringComparison.Ordinal);
        Assert.Equal(first, Engine("run", "m.onnx", "--shape", "x:4x3").Succeeds());
    }

    [Fact]
    public void Run_takes_pictures()
    {
        // The declared input is [N, 3]: a picture of three gray pixels as one row.
        File.WriteAllBytes(_folder.At("x.pgm"), [.. "P5 3 1 255\n"u8, 1, 0, 2]);
        Engine("run", "m.onnx", "-i", "x.pgm", "--scale", "1", "-o", "y.npy").Succeeds();
        Assert.Equal([11, 14], NpyFile.Read(_folder.At("y.npy")).Span<float>().ToArray());
    }

    [Fact]
    public void Inspect_counts_operators_and_weights()
    {
        using var json = JsonDocument.Parse(Engine("inspect", "m.onnx", "--layers", "--format", "json").Succeeds());
        var r = json.RootElement;
        Assert.Equal(2, r.GetProperty("nodes").GetInt32());
        Assert.Equal(6, r.GetProperty("parameters").GetInt64());
        Assert.Equal(24, r.GetProperty("weight_bytes").GetInt64());
        Assert.Equal("f32[N,3]", r.GetProperty("inputs")[0].GetProperty("type").GetString());
        Assert.Equal("MatMul", r.GetProperty("layers")[0].GetProperty("op").GetString());
        string text = Engine("inspect", "m.onnx").Succeeds();
        Assert.Contains("## Operators", text, StringComparison.Ordinal);
        Assert.Contains("| Dense  | f32", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_shows_the_plan()
    {
        using var json = JsonDocument.Parse(Engine("inspect", "m.onnx", "--plan", "--shape", "x:5x3", "--format", "json").Succeeds());
        var r = json.RootElement;
        var segment = r.GetProperty("segments")[0];
        Assert.True(segment.GetProperty("peak_bytes").GetInt64() >= segment.GetProperty("lower_bound_bytes").GetInt64());
        Assert.StartsWith("f32[5,2]", r.GetProperty("steps")[0].GetProperty("out").GetString(), StringComparison.Ordinal);
        Assert.Contains(r.GetProperty("buffers").EnumerateArray(), b => b.GetProperty("region").GetString() == "output" && b.GetProperty("bytes").GetInt64() == 40);
    }

    [Fact]
    public void Inspect_draws_the_graph()
    {
        string dot = Engine("inspect", "m.onnx", "--format", "dot").Succeeds();
        Assert.StartsWith("digraph {", dot, StringComparison.Ordinal);
        Assert.Contains("n0 -> n1", dot, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_reports_a_row_a_case()
    {
        using var json = JsonDocument.Parse(Engine("verify", ".", "--format", "json").Succeeds());
        Assert.Equal(1, json.RootElement.GetProperty("passed").GetInt32());
        var row = json.RootElement.GetProperty("cases")[0];
        Assert.Equal("case", row.GetProperty("case").GetString());
        Assert.Equal("pass", row.GetProperty("result").GetString());
        Assert.Equal(13, row.GetProperty("opset").GetInt32());
        Assert.Equal("MatMul Transpose", row.GetProperty("ops").GetString());
    }

    [Fact]
    public void Verify_exits_4_when_a_case_fails_and_skips_what_the_list_says()
    {
        _folder.Write("wrong/model.onnx", WorkFolder.Other);
        _folder.Write("wrong/test_data_set_0/input_0.pb", WorkFolder.Input);
        _folder.Write("wrong/test_data_set_0/output_0.pb", WorkFolder.Output);
        var r = Engine("verify", ".", "--format", "csv");
        Assert.Equal(4, r.ExitCode);
        Assert.Contains("wrong,13,MatMul Transpose,FAIL", r.Output, StringComparison.Ordinal);
        File.WriteAllText(_folder.At("skips.txt"), "# left out\nwrong\tbecause it is wrong\n");
        Assert.Contains("because it is wrong", Engine("verify", ".", "--skips", "skips.txt").Succeeds(), StringComparison.Ordinal);
        Assert.Equal(0, Engine("verify", ".", "--filter", "case").ExitCode);
    }

    [Fact]
    public void Compare_measures_layers_and_outputs()
    {
        using var json = JsonDocument.Parse(Engine("compare", "m.onnx", "m.onnx", "--threshold", "0.999999", "--format", "json").Succeeds());
        Assert.Equal("m", json.RootElement.GetProperty("layers")[0].GetProperty("wire").GetString());
        Assert.Equal(0, json.RootElement.GetProperty("outputs")[0].GetProperty("linf").GetDouble());
    }

    [Fact]
    public void Compare_exits_4_below_the_threshold()
    {
        // x = [1, 0, 2]: the outputs differ by 2 · (15 − 6).
        var r = Engine("compare", "m.onnx", "other.onnx", "--input", "x.npy", "--metric", "linf,cos", "--threshold", "17.9", "--format", "json");
        Assert.Equal(4, r.ExitCode);
        Assert.Contains("threshold missed", r.Error, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(r.Output);
        Assert.Equal(18, json.RootElement.GetProperty("outputs")[0].GetProperty("linf").GetDouble());
        Assert.Equal(0, Engine("compare", "m.onnx", "other.onnx", "--input", "x.npy", "--metric", "linf", "--threshold", "18").ExitCode);
    }

    [Fact]
    public void Compare_takes_folders_of_samples()
    {
        Directory.CreateDirectory(_folder.At("samples/1"));
        Directory.CreateDirectory(_folder.At("samples/2"));
        File.Copy(_folder.At("x.npy"), _folder.At("samples/1/x.npy"));
        _folder.Write("samples/2/input_0.pb", WorkFolder.Input);
        string text = Engine("compare", "m.onnx", "other.onnx", "--inputs", "samples", "--outputs-only").Succeeds();
        Assert.Contains("samples: 2", text, StringComparison.Ordinal);
        Assert.DoesNotContain("## Layers", text, StringComparison.Ordinal);
    }
}
