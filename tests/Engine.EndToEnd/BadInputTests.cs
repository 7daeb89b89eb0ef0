using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.EndToEnd;

/// <summary>Whatever is wrong: one clear line on stderr, nothing on stdout, the documented exit code.</summary>
public sealed class BadInputTests : IDisposable
{
    private const int Usage = 2, InvalidModel = 3;

    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ProgramRun Engine(params string[] arguments) => ProgramRun.Engine(_folder.Path, arguments);

    [Fact]
    public void No_verb() => Engine().FailsWith(Usage, "--help");

    [Fact]
    public void Unknown_option() => Engine("run", "m.onnx", "--bogus").FailsWith(Usage, "--bogus");

    [Fact]
    public void Missing_model() => Engine("run", "nothing.onnx").FailsWith(Usage, "nothing.onnx", "no such file");

    [Fact]
    public void Folder_as_model() => Engine("inspect", ".").FailsWith(Usage, "folder");

    [Fact]
    public void Empty_model()
    {
        File.WriteAllBytes(_folder.At("empty.onnx"), []);
        Engine("run", "empty.onnx").FailsWith(InvalidModel, "empty.onnx", "empty");
    }

    [Fact]
    public void Text_as_model()
    {
        File.WriteAllText(_folder.At("text.onnx"), "This is no model.\nNot at all.\n");
        Engine("run", "text.onnx").FailsWith(InvalidModel, "text.onnx");
    }

    [Fact]
    public void Truncated_model()
    {
        File.WriteAllBytes(_folder.At("short.onnx"), Convert.FromBase64String(WorkFolder.Model)[..100]);
        Engine("inspect", "short.onnx").FailsWith(InvalidModel, "short.onnx");
    }

    [Fact]
    public void Unknown_operator() => Engine("run", "unknown.onnx").FailsWith(InvalidModel, "unknown.onnx", "'odd'", "NoSuchOperator", "opset 13");

    [Fact]
    public void Missing_input() => Engine("run", "m.onnx").FailsWith(Usage, "'x'", "missing");

    [Fact]
    public void Unknown_input_name() => Engine("run", "m.onnx", "--input", "z=x.npy").FailsWith(Usage, "'z'", "'x'");

    [Fact]
    public void Unknown_output_name() => Engine("run", "m.onnx", "--input", "x=x.npy", "--output", "z=z.npy").FailsWith(Usage, "'z'", "'y'");

    [Fact]
    public void Missing_input_file() => Engine("run", "m.onnx", "--input", "x=nothing.npy").FailsWith(Usage, "nothing.npy", "no such file");

    [Fact]
    public void Unknown_kind_of_input_file()
    {
        File.WriteAllText(_folder.At("x.doc"), "hello");
        Engine("run", "m.onnx", "--input", "x=x.doc").FailsWith(Usage, "x.doc", ".npy");
    }

    [Fact]
    public void Damaged_input_file()
    {
        File.WriteAllBytes(_folder.At("bad.npy"), File.ReadAllBytes(_folder.At("x.npy"))[..^1]);
        Engine("run", "m.onnx", "--input", "x=bad.npy").FailsWith(Usage, "bad.npy", "12 bytes");
    }

    [Fact]
    public void Wrong_shape()
    {
        NpyFile.Write(_folder.At("wide.npy"), Tensor.From(new Shape(1, 4), new float[4]));
        Engine("run", "m.onnx", "--input", "x=wide.npy").FailsWith(Usage, "'x'", "f32[N,3]", "[1,4]");
    }

    [Fact]
    public void Wrong_element_type()
    {
        NpyFile.Write(_folder.At("int.npy"), Tensor.From(new Shape(1, 3), new int[3]));
        Engine("run", "m.onnx", "--input", "x=int.npy").FailsWith(Usage, "'x'", "f32[N,3]", "i32");
    }

    [Theory]
    [InlineData("--shape", "x")]
    [InlineData("--shape", "x:1xq")]
    [InlineData("--shape", "q:1x3")]
    [InlineData("--shape", "x:9223372036854775807x9223372036854775807")]
    [InlineData("--threads", "0")]
    [InlineData("--threads", "many")]
    [InlineData("--opt-level", "3")]
    [InlineData("--backend", "abacus")]
    [InlineData("--format", "xml")]
    [InlineData("--resize", "12")]
    [InlineData("--mean", "a,b")]
    [InlineData("--output", "y=y.txt")]
    public void Bad_option_values(string option, string value) => Engine("run", "m.onnx", "--input", "x=x.npy", option, value).FailsWith(Usage);

    [Fact]
    public void Verify_without_cases_or_folder()
    {
        Directory.CreateDirectory(_folder.At("none"));
        Engine("verify", "none").FailsWith(Usage, "no test cases");
        Engine("verify", "nowhere").FailsWith(Usage, "no such folder");
    }

    [Fact]
    public void Verbose_adds_the_stack_trace()
    {
        var r = Engine("run", "m.onnx", "--verbose");
        Assert.Equal(Usage, r.ExitCode);
        Assert.Contains("   at ", r.Error, StringComparison.Ordinal);
    }
}
