using System.CommandLine;
using Engine.Cli;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary><c>engine-bench</c>: latency tables; every result is checked against the reference before it is timed.</summary>
internal static class BenchCommand
{
    private const string Examples = """
        engine-bench m.onnx
        engine-bench a.onnx b.onnx --threads 1,2 --batch 1,8 --runs 100 --min-time 2s
        engine-bench m.onnx --shape input:1x3x224x224 --layers --percentiles 50,90,99
        engine-bench m.onnx --threads 1,2 --peer onnxruntime
        engine-bench m.onnx --threads 2 --affinity 0,1 --spin-us 0
        engine-bench m.onnx --format json -o results.json
        """;

    /// <summary>Commands besides the models' own.</summary>
    private static readonly Func<Command>[] Verbs = [NetworksCommand.Create, LimitsCommand.Create];

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
        var cases = (from m in models from b in settings.Batches.Length > 0 ? settings.Batches.Select(x => (int?)x) : [null] from t in settings.Threads select new BenchCase(m, settings, t, Inputs(m, settings.Shapes, b))).ToList();
        var notes = new List<string>();
        ProgressBar.Run(cases.Count, step =>
        {
            foreach (var c in cases)
            {
                step(Path.GetFileName(c.Model.Path));
                if (IsRandom(c.Model.AsStored.Graph)) notes.Add($"{c.Model.Path} draws random numbers: its result was not checked.");
                else if (c.Check(cancellation) is { } why) throw new CommandException(ExitCode.ThresholdMissed, $"{c.Model.Path}: wrong result, nothing was timed: {why}");
                PinnedThread.Run(c.Processors, () => Measure(c, settings, cancellation));
            }
        });
        BenchReport.Make(cases, settings, [.. notes.Distinct()]).Write(format, output);
        foreach (var c in cases.Where(BenchReport.IsNoisy)) Console.Error.WriteLine($"warning: {BenchReport.Noise(c)}");
        return ExitCode.Ok;
    }

    private static void Measure(BenchCase c, BenchSettings settings, CancellationToken cancellation)
    {
        c.Measure(cancellation);
        foreach (string peer in settings.Peers)
            if (c.MeasureOnnxRuntime(cancellation) is { } why) throw new CommandException(ExitCode.ThresholdMissed, $"{c.Model.Path}: {peer} gives another result (--rtol says how much is too much): {why}");
        if (settings.Layers) c.MeasureSteps(cancellation);
    }

    /// <summary>Seeded inputs; the batch is the first dimension of every input that leaves it free or whose shape the user gave.</summary>
    private static Dictionary<string, RuntimeValue> Inputs(EngineModel model, IReadOnlyDictionary<string, Shape> given, int? batch)
    {
        var shapes = new Dictionary<string, Shape>();
        bool batched = false;
        foreach (var input in model.Inputs)
        {
            if (input.Type is not DeclaredType.Tensor d) continue;
            var shape = RandomInputs.ShapeOf(input, d, given);
            bool free = shape.Rank > 0 && (d.Dims is null || d.Dims.Length > 0 && !d.Dims[0].IsKnown);
            if (free && batch is { } b) shape = shape.With(0, b);
            batched |= free;
            shapes[input.Name] = shape;
        }
        if (batch > 1 && !batched) throw CommandException.Usage($"--batch {batch}: no input of {model.Path} leaves its first dimension free ({string.Join(", ", model.Inputs)})");
        var values = new Dictionary<string, RuntimeValue>();
        foreach (var input in model.Inputs)
        {
            values[input.Name] = RandomInputs.Make(input, shapes);
            InputChecks.Check(input, values[input.Name]);
        }
        return values;
    }

    private static bool IsRandom(ModelGraph graph) => graph.Nodes.Exists(n => n.Op.IsRandom || n.Op.Subgraphs.Any(IsRandom));
}
