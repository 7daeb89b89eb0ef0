using System.Globalization;
using System.Text.Json;

namespace Engine.EndToEnd;

/// <summary>The trained models that run on a stream: keywords in a recording, beats of an ECG, as events on a command line.</summary>
public sealed class StreamDemoTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    private static string Models { get; } = Path.Combine(CompressTests.Repository(), "bench", "models");

    private static string At(string name) => Path.Combine(Models, name);

    public void Dispose() => _folder.Dispose();

    private static JsonElement Facts(string model) => JsonDocument.Parse(File.ReadAllText(At(model + "/accuracy.json"))).RootElement;

    private static List<string[]> Rows(string output, string titles)
    {
        string[] lines = output.ReplaceLineEndings("\n").TrimEnd().Split('\n');
        Assert.Equal(titles, lines[0]);
        return [.. lines.Skip(1).Select(l => l.Split(','))];
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    [Fact]
    public void Keywords_of_the_recording_are_found_when_they_are_said()
    {
        var run = ProgramRun.Engine(_folder.Path, "stream");
        Assert.True(run.ExitCode == 0, run.Error);
        var found = Rows(run.Output, "time s,label,value,from s,to s");
        var said = Facts("keywords").GetProperty("demo").GetProperty("said").EnumerateArray().ToList();
        Assert.Equal(said.Select(s => s.GetProperty("keyword").GetString()), found.Select(f => f[1]));
        for (int i = 0; i < said.Count; i++)
        {
            Assert.InRange(Number(found[i][0]) - said[i].GetProperty("to_s").GetDouble(), -0.25, 0.4);
            Assert.InRange(Number(found[i][2]), 0.5, 1);
            Assert.True(Number(found[i][3]) < Number(found[i][0]) && Number(found[i][0]) <= Number(found[i][4]));
        }
        Assert.Contains("times real time", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Raw_samples_on_stdin_are_a_recording_too()
    {
        byte[] wav = File.ReadAllBytes(At("keywords/demo.wav"));
        string ofFile = ProgramRun.Engine(_folder.Path, "stream", At("keywords/model-int8.onnx"), "--run", At("keywords/demo.wav"), "--events", "0.5", "--gap", "0.2", "--least", "0.1").Succeeds();
        string ofPipe = ProgramRun.EngineFed(_folder.Path, wav[44..], "stream", "--run", "-").Output;
        Assert.Equal(ofFile, ofPipe);
    }

    [Fact]
    public void Beats_of_the_ecg_are_found_with_their_rate()
    {
        var facts = Facts("ecg-beats").GetProperty("input");
        var found = Rows(ProgramRun.Engine(_folder.Path, "stream", At("ecg-beats/model.onnx"), "--run", At("ecg-beats/input.npy"), "--events", "0.5", "--gap", "0.2", "--per-minute").Succeeds(), "time s,label,value,from s,to s,a minute");
        Assert.All(found, f => Assert.Equal("beat", f[1]));
        Same(facts.GetProperty("found_s"), 0.002);
        Same(facts.GetProperty("reference_s"), 0.15);
        for (int i = 1; i < found.Count; i++) Assert.Equal(60 / (Number(found[i][0]) - Number(found[i - 1][0])), Number(found[i][5]), 1.0);

        void Same(JsonElement expected, double tolerance)
        {
            var settled = found.Select(f => Number(f[0])).Where(t => t >= facts.GetProperty("from_s").GetDouble() && t < facts.GetProperty("to_s").GetDouble()).ToList();
            Assert.Equal(expected.GetArrayLength(), settled.Count);
            for (int i = 0; i < settled.Count; i++) Assert.Equal(expected[i].GetDouble(), settled[i], tolerance);
        }
    }

    [Fact]
    public void Labels_name_the_largest_value_of_every_result()
    {
        string[] run = ["stream", At("ecg-beats/model.onnx"), "--run", At("ecg-beats/input.npy"), "--delay", "0"];
        var rows = Rows(ProgramRun.Engine(_folder.Path, [.. run, "--labels", "R"]).Succeeds(), "time s,output,index,largest,values");
        Assert.Equal(1800, rows.Count);
        Assert.Equal(["0.0111", "beats", "0", "R"], rows[0][..4]);
    }

    [Fact]
    public void What_does_not_fit_is_said()
    {
        string[] run = ["stream", At("ecg-beats/model.onnx"), "--run", At("ecg-beats/input.npy")];
        ProgramRun Fails(params string[] more) => ProgramRun.Engine(_folder.Path, [.. run, .. more]);
        Fails("--gap", "1").FailsWith(2, "--events");
        Fails("--events", "high").FailsWith(2, "--events");
        Fails("--rate", "500").FailsWith(2, "500 samples a second", "360");
        Fails("--labels", "none.txt").FailsWith(2, "none.txt");
    }
}
