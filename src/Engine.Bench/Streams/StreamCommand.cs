using System.CommandLine;
using Engine.Cli;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary><c>engine-bench stream</c>: the time of a hop beside that of a whole window, in turn.</summary>
internal static class StreamCommand
{
    private const string Examples = """
        engine-bench stream artifacts/networks/ppg.onnx --axis 2 --window 256 --hops 64,32,16 --rate 32
        engine-bench stream artifacts/networks/accelerometer.onnx --axis 2 --window 960 --hops 160,80,48 --rate 32 --peer onnxruntime
        engine-bench stream artifacts/networks/continual-encoder2.onnx --axis 1 --window 64 --hops 1 --continual --peer onnxruntime
        engine-bench stream artifacts/networks/eeg.onnx --axis 2 --window 1024 --hops 256 --rate 256 --approximate
        engine-bench stream artifacts/networks/ppg.onnx --axis 2 --window 256 --hops 64 --rate 32 --streams 100,1000 --threads 2
        engine-bench stream artifacts/networks/ppg.onnx --axis 2 --window 256 --hops 64 --soak 1000000
        engine-bench stream vad.onnx --input input --axis 1 --hops 512 --window 576 --partial --shape input:1x512 --shape state:2x1x128 \
            --constant sr=16000 --state state=stateN --streams 1000 --threads 2
        """;

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var settings = new StreamSettings();
        var hops = new Option<string>("--hops") { Description = "Samples a hop", Required = true, HelpName = "64,32" };
        var rate = new Option<double>("--rate") { Description = "Samples a second, for the real-time factor and deadlines", DefaultValueFactory = _ => 16000, HelpName = "HZ" };
        var threads = new Option<int>("--threads", "-t") { Description = "Pinned threads", DefaultValueFactory = _ => 1, HelpName = "N" };
        var time = new Option<double>("--seconds") { Description = "Time that each row takes", DefaultValueFactory = _ => 2, HelpName = "S" };
        var peer = new Option<string?>("--peer") { Description = "Also times it on whole windows: onnxruntime", HelpName = "onnxruntime" };
        peer.AcceptOnlyFromAmong("onnxruntime");
        var streams = new Option<string?>("--streams") { Description = "Times steps of so many streams instead, each with a hop due", HelpName = "100,1000" };
        var batch = new Option<int>("--batch") { Description = "With --streams: streams of a batch", DefaultValueFactory = _ => new StreamGroupOptions().Width, HelpName = "N" };
        var soak = new Option<long>("--soak") { Description = "Runs so many hops instead, and compares 100 of them with results computed anew from the samples", HelpName = "HOPS" };
        var format = CommonOptions.Format("md|csv|json");
        var output = new Option<string?>("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };
        var command = new Command("stream", "Times the hops of a stream beside whole windows, in turn.") { model };
        settings.AddTo(command, hop: false);
        foreach (Option o in (Option[])[hops, rate, threads, time, peer, streams, batch, soak, format, output]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            string path = p.GetRequiredValue(model);
            var sizes = NamedValue.Counts(p.GetRequiredValue(hops), "--hops");
            int[] processors = PinnedTeam.Processors(p.GetValue(threads));
            var counts = p.GetValue(streams) is { } list ? NamedValue.Counts(list, "--streams") : null;
            var table = counts is not null ? StreamTable.Groups() : p.GetValue(soak) > 0 ? StreamTable.Soaks() : StreamTable.Create();
            PinnedThread.Run(processors, () => ProgressBar.Run(sizes.Length, step =>
            {
                foreach (int hop in sizes)
                {
                    step($"hop {hop}");
                    var options = settings.Of(p) with { Hop = hop };
                    if (counts is not null) StreamGroupBench.Measure(table, path, options, counts, p.GetValue(batch), p.GetValue(threads), processors, p.GetValue(rate), TimeSpan.FromSeconds(p.GetValue(time)), cancellation);
                    else if (p.GetValue(soak) > 0) StreamSoak.Run(table, path, options, p.GetValue(soak), p.GetValue(rate), cancellation);
                    else
                    {
                        using var bench = new StreamBench(path, options, p.GetValue(threads), processors, p.GetValue(peer) is not null);
                        bench.Measure(table, p.GetValue(rate), TimeSpan.FromSeconds(p.GetValue(time)), cancellation);
                    }
                }
            }));
            var report = new Report();
            Machine.Describe(report);
            report.Add("stream", "stream", table).AddNote(counts is not null ? StreamTable.GroupNote : p.GetValue(soak) > 0 ? StreamTable.SoakNote : StreamTable.Note).Write(p.GetValue(format), p.GetValue(output));
            return ExitCode.Ok;
        });
    }
}
