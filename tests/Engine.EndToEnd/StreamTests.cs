using System.Globalization;
using System.Text.Json;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.EndToEnd;

/// <summary><c>engine stream</c> and <c>engine-bench stream</c> on a sensor network with random weights.</summary>
public sealed class StreamTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public StreamTests() => ProgramRun.Bench(_folder.Path, "networks", ".", "--only", "ppg").Succeeds();

    public void Dispose() => _folder.Dispose();

    private ProgramRun Engine(params string[] arguments) => ProgramRun.Engine(_folder.Path, arguments);

    [Fact]
    public void Layers_are_reported_and_results_come_with_their_time()
    {
        string[] window = ["--axis", "2", "--hop", "64", "--window", "256"];
        Assert.Equal("", Engine(["stream", "ppg.onnx", .. window, "--report", "r.json"]).Succeeds());
        using var json = JsonDocument.Parse(File.ReadAllText(_folder.At("r.json")));
        Assert.Equal(64, json.RootElement.GetProperty("hop").GetInt32());
        Assert.InRange(json.RootElement.GetProperty("hop_mmac").GetDouble() / json.RootElement.GetProperty("window_mmac").GetDouble(), 0.2, 0.3);
        var layers = json.RootElement.GetProperty("layers").EnumerateArray().ToList();
        Assert.Equal(9, layers.Count(l => l.GetProperty("op").GetString() == "Conv" && l.GetProperty("form").GetString() == "exact"));
        Assert.Contains(layers, l => l.GetProperty("form").GetString() == "window" && l.GetProperty("note").GetString()!.Contains("frames by each other", StringComparison.Ordinal));

        var signal = Tensor.Allocate(DType.F32, new Shape(640));
        for (int i = 0; i < 640; i++) signal.Span<float>()[i] = MathF.Sin(0.1f * i);
        NpyFile.Write(_folder.At("signal.npy"), signal);
        string[] lines = Engine(["stream", "ppg.onnx", .. window, "--run", "signal.npy", "--rate", "32"]).Succeeds().ReplaceLineEndings("\n").TrimEnd().Split('\n');
        Assert.Equal("time s,output,index,values", lines[0]);
        // Windows that end with samples 256, 320, … 640.
        Assert.Equal(7, lines.Length - 1);
        for (int i = 0; i < 7; i++) Assert.Equal((8 + 2 * i).ToString(CultureInfo.InvariantCulture), lines[i + 1].Split(',')[0]);
    }

    [Fact]
    public void What_does_not_fit_is_said()
    {
        Engine("stream", "ppg.onnx", "--axis", "2", "--hop", "64").FailsWith(3, "cannot run on a stream", "MatMul");
        Engine("stream", "ppg.onnx", "--axis", "2", "--hop", "60", "--window", "256").FailsWith(3, "a hop of 60 samples", "multiples of 16");
        Engine("stream", "ppg.onnx", "--axis", "2", "--window", "256", "--run", "none.wav").FailsWith(2, "none.wav");
        Engine("stream", "ppg.onnx", "--axis", "9", "--window", "256").FailsWith(2, "axis 9");
        Engine("stream", "ppg.onnx", "--window", "0").FailsWith(2, "--window");
    }

    [Fact]
    public void Hops_that_strides_do_not_divide_are_bounded()
    {
        string text = Engine("stream", "ppg.onnx", "--axis", "2", "--hop", "40", "--window", "256", "--misaligned", "--highest-frequency", "0.01", "--format", "json").Succeeds();
        using var json = JsonDocument.Parse(text);
        Assert.Equal((40, 16), (json.RootElement.GetProperty("hop").GetInt32(), json.RootElement.GetProperty("advance").GetInt32()));
        Assert.Contains(json.RootElement.GetProperty("layers").EnumerateArray(), l => l.GetProperty("op").GetString() == "AveragePool" && l.GetProperty("form").GetString() == "bounded ≤ 0.503 amplitudes");
    }

    /// <summary>From 320 samples before a window on it sees all that the stream has seen: not a bit of difference in doubles. A misaligned stream is off the less, the lower the frequencies.</summary>
    [Fact]
    public void Deviations_end_where_windows_see_enough()
    {
        using var json = JsonDocument.Parse(ProgramRun.Bench(_folder.Path, "deviations", "--only", "ppg", "--windows", "8", "--format", "json").Succeeds());
        var past = json.RootElement.GetProperty("past").EnumerateArray().ToDictionary(r => r.GetProperty("past").GetInt32());
        foreach (int enough in (int[])[320, 384])
        {
            foreach (string what in (string[])["features", "result"])
            {
                Assert.Equal(0, past[enough].GetProperty($"{what}_f64").GetDouble());
                Assert.InRange(past[enough].GetProperty($"{what}_f32").GetDouble(), 0, 1e-6);
            }
        }
        double[] before = [.. ((int[])[0, 64, 128]).Select(p => past[p].GetProperty("features_f64").GetDouble())];
        Assert.True(before[0] > before[1] && before[1] > before[2] && before[2] > 1e-6, string.Join(' ', before));
        var modes = json.RootElement.GetProperty("modes").EnumerateArray().ToList();
        Assert.All(modes.Where(m => m.GetProperty("mode").GetString() == "exact"), m => Assert.InRange(m.GetProperty("features").GetDouble(), 0, 1e-6));
        Assert.All(modes.Where(m => m.GetProperty("mode").GetString() != "exact"), m => Assert.InRange(m.GetProperty("features").GetDouble(), 1e-4, 1));
        var misaligned = json.RootElement.GetProperty("misaligned").EnumerateArray().ToList();
        Assert.All(misaligned, m => Assert.InRange(m.GetProperty("average").GetDouble(), 0, m.GetProperty("bound").GetDouble()));
        Assert.All(misaligned, m => Assert.InRange(m.GetProperty("maximum").GetDouble(), 0, m.GetProperty("bound").GetDouble() + 1e-6));
        Assert.True(misaligned[0].GetProperty("ppg").GetDouble() < misaligned[5].GetProperty("ppg").GetDouble());
    }

    [Fact]
    public void Hops_are_timed_beside_windows()
    {
        using var json = JsonDocument.Parse(ProgramRun.Bench(_folder.Path, "stream", "ppg.onnx", "--axis", "2", "--window", "256", "--hops", "64,32", "--rate", "32", "--seconds", "0.1", "--format", "json").Succeeds());
        var rows = json.RootElement.GetProperty("stream").EnumerateArray().ToList();
        Assert.Equal(2, rows.Count);
        foreach (var r in rows)
        {
            Assert.True(r.GetProperty("hop_us").GetDouble() > 0 && r.GetProperty("window_us").GetDouble() > 0);
            // Causal layers: a stream that begins with the window sees what the window does.
            Assert.InRange(r.GetProperty("deviation").GetDouble(), 0, 1e-5);
        }
    }

    [Fact]
    public void Encoders_run_token_by_token()
    {
        ProgramRun.Bench(_folder.Path, "networks", ".", "--only", "continual-encoder2").Succeeds();
        string[] options = ["--axis", "1", "--hop", "1", "--window", "64", "--continual"];
        using var json = JsonDocument.Parse(Engine(["stream", "continual-encoder2.onnx", .. options, "--format", "json"]).Succeeds());
        Assert.InRange(json.RootElement.GetProperty("deviation").GetDouble(), 0, 1e-5);
        var layers = json.RootElement.GetProperty("layers").EnumerateArray().ToList();
        Assert.Single(layers, l => l.GetProperty("form").GetString() == "bounded ≤ 8e-6");
        Assert.Contains(layers, l => l.GetProperty("note").GetString()!.Contains("newest frame", StringComparison.Ordinal));
        Engine("stream", "continual-encoder2.onnx", "--axis", "1", "--hop", "1", "--continual").FailsWith(2, "window");
    }

    [Fact]
    public void Many_streams_and_a_long_one_are_measured()
    {
        string[] ppg = ["stream", "ppg.onnx", "--axis", "2", "--window", "256", "--hops", "64", "--rate", "32", "--format", "json"];
        using var many = JsonDocument.Parse(ProgramRun.Bench(_folder.Path, [.. ppg, "--streams", "3,20", "--seconds", "0.1"]).Succeeds());
        var rows = many.RootElement.GetProperty("stream").EnumerateArray().ToList();
        Assert.Equal("3 20", string.Join(" ", rows.Select(r => r.GetProperty("streams").GetInt32())));
        foreach (var r in rows)
        {
            Assert.Equal(8, r.GetProperty("batch").GetInt32());
            Assert.Equal(52224, r.GetProperty("state_bytes").GetInt64());
            Assert.True(r.GetProperty("total_bytes").GetInt64() > 52224 && r.GetProperty("p99_ms").GetDouble() > 0);
        }
        using var soak = JsonDocument.Parse(ProgramRun.Bench(_folder.Path, [.. ppg, "--soak", "300"]).Succeeds());
        var row = soak.RootElement.GetProperty("stream").EnumerateArray().Single();
        Assert.Equal(100, row.GetProperty("compared").GetInt32());
        Assert.InRange(row.GetProperty("difference").GetDouble(), 0, 1e-5);
    }
}
