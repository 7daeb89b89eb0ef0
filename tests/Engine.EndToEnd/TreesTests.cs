using System.Text.Json;

namespace Engine.EndToEnd;

/// <summary><c>engine-bench trees</c> and <c>engine compress --scheme binary</c>: what they say of layers of signs, not how fast those are.</summary>
public sealed class TreesTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ProgramRun Trees(params string[] arguments) => ProgramRun.Bench(_folder.Path, ["trees", .. arguments]);

    private ProgramRun Engine(params string[] arguments) => ProgramRun.Engine(_folder.Path, arguments);

    private static string Bnn { get; } = Path.Combine(CompressTests.Repository(), "bench", "models", "fashion-bnn-vgg-mst", "model.onnx");

    [Fact]
    public void A_row_a_layer_and_number_of_threads()
    {
        using var json = JsonDocument.Parse(Trees("--layer", "1x5x9x9x12x3", "--percent", "10,50", "--runs", "1", "--min-time", "0", "--format", "json").Succeeds());
        var rows = json.RootElement.GetProperty("trees").EnumerateArray().ToList();
        Assert.Equal(2, rows.Count);
        Assert.All(rows, r => Assert.True(r.GetProperty("fr_ratio").GetDouble() > 0));
        Assert.True(rows[0].GetProperty("mean_difference").GetDouble() < rows[1].GetProperty("mean_difference").GetDouble());
        using var model = JsonDocument.Parse(Trees(Bnn, "--shape", "x:1x1x28x28", "--runs", "1", "--min-time", "0", "--format", "json").Succeeds());
        Assert.Equal(["64 x 288", "64 x 576", "128 x 576"], model.RootElement.GetProperty("trees").EnumerateArray().Select(r => r.GetProperty("weight").GetString()));
    }

    [Fact]
    public void Wrong_use_is_one_line_and_exit_code_2()
    {
        Trees("--layer", "1x5x9").FailsWith(2, "--layer", "1x5x9");
        Trees("--percent", "60").FailsWith(2, "--percent");
        Trees(Bnn, "--layer", "1x5x9x9x12x3").FailsWith(2, "--layer");
        Trees("m.onnx").FailsWith(2, "m.onnx", "no layer is binary");
    }

    [Fact]
    public void Layers_of_signs_are_stored_reported_and_shown_again()
    {
        using (var json = JsonDocument.Parse(Engine("compress", Bnn, "-o", "b.engine", "--scheme", "binary", "--format", "json").Succeeds()))
        {
            var layers = json.RootElement.GetProperty("binary").EnumerateArray().ToList();
            Assert.Equal(["BinaryTree", "BinaryTree", "BinaryTree"], layers.Select(l => l.GetProperty("form").GetString()));
            Assert.All(layers, l => Assert.InRange(l.GetProperty("gain_expected").GetDouble(), 6, 7));
        }
        using (var json = JsonDocument.Parse(Engine("inspect", "b.engine", "--format", "json").Succeeds()))
        {
            Assert.Equal("binary", json.RootElement.GetProperty("provenance.scheme").GetString());
            var layers = json.RootElement.GetProperty("binary").EnumerateArray().Where(l => l.GetProperty("outcome").GetString() == "binary, to bits" || l.GetProperty("outcome").GetString() == "binary, to f32").ToList();
            Assert.Equal(3, layers.Count);
            Assert.All(layers, l => Assert.True(l.GetProperty("form").GetString() == "BinaryTree" && l.GetProperty("depth").GetInt32() > 1));
        }
        Engine("compress", Bnn, "-o", "b.onnx", "--scheme", "binary").FailsWith(2, "b.onnx", ".engine");
        Engine("compress", "m.onnx", "-o", "m.engine", "--scheme", "binary").FailsWith(2, "no layer of the model is binary");
    }
}
