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
        """;

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var axis = new Option<int>("--axis") { Description = "Axis of the input along which time runs", DefaultValueFactory = _ => -1, HelpName = "N" };
        var window = new Option<int>("--window") { Description = "Samples of a window", Required = true, HelpName = "N" };
        var hops = new Option<string>("--hops") { Description = "Samples a hop", Required = true, HelpName = "64,32" };
        var rate = new Option<double>("--rate") { Description = "Samples a second, for the real-time factor and deadlines", DefaultValueFactory = _ => 16000, HelpName = "HZ" };
        var approximate = new Option<bool>("--approximate") { Description = "Layers see every hop as a signal of its own" };
        var continual = new Option<bool>("--continual") { Description = "Attention is updated by the new frames, and only what is read of a window is computed" };
        var threads = new Option<int>("--threads", "-t") { Description = "Pinned threads", DefaultValueFactory = _ => 1, HelpName = "N" };
        var time = new Option<double>("--seconds") { Description = "Time that each row takes", DefaultValueFactory = _ => 2, HelpName = "S" };
        var peer = new Option<string?>("--peer") { Description = "Also times it on whole windows: onnxruntime", HelpName = "onnxruntime" };
        peer.AcceptOnlyFromAmong("onnxruntime");
        var format = CommonOptions.Format("md|csv|json");
        var output = new Option<string?>("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };
        var command = new Command("stream", "Times the hops of a stream beside whole windows, in turn.") { model };
        foreach (Option o in (Option[])[axis, window, hops, rate, approximate, continual, threads, time, peer, format, output]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            string path = p.GetRequiredValue(model);
            var sizes = NamedValue.Counts(p.GetRequiredValue(hops), "--hops");
            int[] processors = PinnedTeam.Processors(p.GetValue(threads));
            var table = StreamTable.Create();
            PinnedThread.Run(processors, () => ProgressBar.Run(sizes.Length, step =>
            {
                foreach (int hop in sizes)
                {
                    step($"hop {hop}");
                    var options = new StreamOptions { Axis = p.GetValue(axis), Hop = hop, Window = p.GetValue(window), Approximate = p.GetValue(approximate), Continual = p.GetValue(continual) };
                    using var bench = new StreamBench(path, options, p.GetValue(threads), processors, p.GetValue(peer) is not null);
                    bench.Measure(table, p.GetValue(rate), TimeSpan.FromSeconds(p.GetValue(time)), cancellation);
                }
            }));
            var report = new Report();
            Machine.Describe(report);
            report.Add("stream", "stream", table)
                .AddNote("'of ideal' is the speed-up over a whole window as a part of window / hop; 'time × window / hop' the reverse, 1 where a hop costs no more than its share. Percentiles are of single hops; jitter is p99 − p50; a deadline is missed by a hop that takes longer than its samples.")
                .Write(p.GetValue(format), p.GetValue(output));
            return ExitCode.Ok;
        });
    }
}
