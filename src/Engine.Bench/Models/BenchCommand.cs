using System.CommandLine;
using Engine.Cli;
using Engine.Compression;
using Engine.Graph;

namespace Engine.Bench;

/// <summary><c>engine-bench</c>: latency tables; every result is checked against the reference before it is timed.</summary>
internal static class BenchCommand
{
    private const string Examples = """
        engine-bench m.onnx
        engine-bench a.onnx b.onnx --threads 1,2 --batch 1,8 --runs 100 --min-time 2s
        engine-bench m.onnx --shape input:1x3x224x224 --layers --percentiles 50,90,99
        engine-bench silero_vad.onnx --shape input:1x576 --shape state:2x1x128 --input sr=16000
        engine-bench m.onnx --threads 1,2 --peer onnxruntime
        engine-bench m.onnx --threads 2 --affinity 0,1 --spin-us 0
        engine-bench m.onnx --format json -o baseline.json
        engine-bench m.onnx --compare baseline.json --tolerance 5%
        engine-bench m.onnx --trace steps.json --plot p50.svg
        engine-bench m.onnx --check-finite --opt-level 0
        """;

    /// <summary>Commands besides the models' own.</summary>
    private static readonly Func<Command>[] Verbs = [NetworksCommand.Create, LimitsCommand.Create, KernelsCommand.Create, ChoicesCommand.Create, TreesCommand.Create, ExecutionsCommand.Create, ProcessesCommand.Create, LoadingCommand.Create, StreamCommand.Create, DeviationsCommand.Create];

    public static RootCommand Create()
    {
        var options = new BenchOptions();
        var root = new RootCommand("Latency of models, whole and layer by layer. Results are checked against the reference before anything is timed.");
        options.AddTo(root);
        foreach (var verb in Verbs) root.Subcommands.Add(verb());
        return root.Action(Examples, (p, cancellation) =>
        {
            var settings = options.Read(p);
            var models = new List<EngineModel>();
            try
            {
                foreach (string path in settings.Models) models.Add(EngineModel.Load(path, new RunSettings(OptimizationLevel: settings.OptimizationLevel)));
                return Run(models, settings, p.GetValue(options.Format), p.GetValue(options.Output), cancellation);
            }
            finally
            {
                foreach (var m in models) m.Dispose();
            }
        });
    }

    private static ExitCode Run(List<EngineModel> models, BenchSettings settings, ReportFormat format, string? output, CancellationToken cancellation)
    {
        foreach (string name in settings.Shapes.Keys)
            if (!models.Exists(m => InputChecks.IndexOf(m.Inputs, name) >= 0)) throw CommandException.Usage($"--shape {name}: no model has such an input; {models[0].Path} takes {InputChecks.Names(models[0].Inputs)}");
        foreach (var (name, file) in settings.Inputs)
            if (!models.Exists(m => name is null ? m.Inputs.Count == 1 : InputChecks.IndexOf(m.Inputs, name) >= 0)) throw CommandException.Usage($"--input {(name is null ? file : $"{name}={file}")}: no model has such an input; {models[0].Path} takes {InputChecks.Names(models[0].Inputs)}");
        var cases = (from m in models from b in settings.Batches.Length > 0 ? settings.Batches.Select(x => (int?)x) : [null] from t in settings.Threads select new BenchCase(m, settings, t, BenchInputs.Make(m, settings, b))).ToList();
        var notes = new List<string>();
        var baseline = settings.Baseline is { } earlier ? Baseline.Read(earlier) : null;
        var trace = settings.Trace is null ? null : new Trace();
        var others = new OtherLoad();
        ProgressBar.Run(cases.Count, step =>
        {
            foreach (var c in cases)
            {
                step(Path.GetFileName(c.Model.Path));
                if (settings.CheckFinite && c.FirstNotFinite(cancellation) is { } bad) throw new CommandException(ExitCode.RunFailed, $"{c.Model.Path}: {bad}");
                if (IsRandom(c.Model.AsStored.Graph)) notes.Add($"{c.Model.Path} draws random numbers: its result was not checked.");
                else if (c.Check(cancellation) is { } why) throw new CommandException(ExitCode.ThresholdMissed, $"{c.Model.Path}: wrong result, nothing was timed: {why}");
                PinnedThread.Run(c.Processors, () => Measure(c, settings, trace, cancellation));
            }
        });
        double? load = others.Percent();
        if (settings.CheckFinite) notes.Add("Every step of every model wrote finite numbers.");
        var comparison = baseline is null ? null : new BaselineComparison(baseline, settings.Tolerance, cases);
        BenchReport.Make(cases, settings, [.. notes.Distinct()], comparison, load).Write(format, output);
        trace?.Write(settings.Trace!);
        if (settings.Plot is { } plot) File.WriteAllText(plot, BenchPlot.Svg(cases));
        foreach (string w in cases.Where(BenchReport.IsNoisy).Select(BenchReport.Noise).Concat(BenchReport.Disturbance(load)).Concat(comparison?.Warnings ?? [])) Console.Error.WriteLine($"warning: {w}");
        if (comparison is not { Regressions.Count: > 0 }) return ExitCode.Ok;
        foreach (string r in comparison.Regressions) Console.Error.WriteLine($"slower: {r}");
        return ExitCode.ThresholdMissed;
    }

    private static void Measure(BenchCase c, BenchSettings settings, Trace? trace, CancellationToken cancellation)
    {
        c.Measure(cancellation);
        foreach (string peer in settings.Peers)
            if (c.MeasureOnnxRuntime(cancellation) is { } why) throw new CommandException(ExitCode.ThresholdMissed, $"{c.Model.Path}: {peer} gives another result (--rtol says how much is too much): {why}");
        if (settings.Layers) c.MeasureSteps(cancellation);
        if (trace is not null) c.TraceOnce(trace, cancellation);
    }

    private static bool IsRandom(ModelGraph graph) => graph.Nodes.Exists(n => n.Op.IsRandom || n.Op.Subgraphs.Any(IsRandom));
}
