using System.CommandLine;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary><c>engine compare</c>: two models on the same inputs, a row a layer and an output.</summary>
internal static class CompareCommand
{
    private const string Examples = """
        engine compare m.onnx m-int8.onnx                      seeded random inputs, cosine of every layer and output
        engine compare a.onnx b.onnx --inputs samples/ --metric linf --threshold 1e-4
        engine compare a.onnx b.onnx --input x=in.npy --metric cos,rmse --threshold 0.99 --format json
        engine compare m.onnx m-int4.onnx --inputs samples/ --labels classes.txt --max-drop 1%
        """;

    private static readonly string[] Known = ["cos", "linf", "rmse"];

    public static Command Create()
    {
        var a = CommonOptions.Model("a");
        var b = CommonOptions.Model("b");
        var inputs = new InputOptions();
        Option<string?> folder = new("--inputs") { Description = "Folder with a file an input, named like the input, or with one such folder a sample", HelpName = "dir" };
        Option<string> metric = new("--metric") { Description = "Any of cos, linf, rmse; the threshold applies to the first", DefaultValueFactory = _ => "cos,linf,rmse", HelpName = "cos,linf,rmse" };
        Option<double?> threshold = new("--threshold") { Description = "Least cosine, or largest linf or rmse, of the outputs; exit code 4 beyond it", HelpName = "value" };
        Option<string?> labels = new("--labels") { Description = "Classes of the samples' rows (.npy, or a number a line): accuracy of both models by the first output", HelpName = "file" };
        Option<string?> maxDrop = new("--max-drop") { Description = "Most accuracy that b may lose against a; exit code 4 beyond it", HelpName = "1%" };
        Option<bool> outputsOnly = new("--outputs-only") { Description = "Leave the layers out" };
        var threads = CommonOptions.Threads();
        var level = CommonOptions.OptimizationLevel();
        var format = CommonOptions.Format("md|json|csv");
        var command = new Command("compare", "Run two models on the same inputs and compare outputs and layers") { a, b };
        inputs.AddTo(command);
        foreach (Option o in (Option[])[folder, metric, threshold, labels, maxDrop, outputsOnly, threads, level, format]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            string[] metrics = p.GetRequiredValue(metric).Split(',');
            if (metrics.FirstOrDefault(m => !Known.Contains(m)) is { } unknown) throw CommandException.Usage($"--metric {unknown}: expected cos, linf or rmse");
            if (p.GetValue(maxDrop) is not null && p.GetValue(labels) is null) throw CommandException.Usage("--max-drop: needs --labels");
            var limitOfDrop = CompressTargets.Part(p.GetValue(maxDrop), "--max-drop");
            var settings = new RunSettings(p.GetValue(threads), p.GetValue(level));
            using var first = EngineModel.Load(p.GetRequiredValue(a), settings);
            using var second = EngineModel.Load(p.GetRequiredValue(b), settings);
            var samples = p.GetValue(folder) is { } dir ? SampleFolder.Read(dir, first.Inputs, inputs.Images(p)) : [inputs.Read(p, first.Inputs, random: true)];
            var pairs = MatchOutputs(first.Outputs, second.Outputs);
            foreach (var input in second.Inputs)
            {
                if (!samples[0].TryGetValue(input.Name, out var v)) throw new InputException($"{second.Path} takes input '{input.Name}', {first.Path} does not; its inputs are {InputChecks.Names(first.Inputs)}", input.Name);
                InputChecks.Check(input, v);
            }
            var comparison = new Comparison(first, second, pairs, layers: !p.GetValue(outputsOnly));
            ProgressBar.Run(samples.Count, step =>
            {
                for (int i = 0; i < samples.Count; i++)
                {
                    step($"sample {i + 1}");
                    comparison.Add(samples[i], cancellation);
                }
            });
            var failed = p.GetValue(threshold) is { } limit ? comparison.Outputs.Where(r => !Meets(r.Metrics, metrics[0], limit)).ToList() : [];
            var report = Report(comparison, metrics, samples.Count, failed.ConvertAll(r => r.Name));
            double drop = p.GetValue(labels) is { } file ? comparison.Accuracy.Report(report, LabelFile.Read(file)) : 0;
            report.Write(p.GetValue(format));
            if (drop > limitOfDrop)
            {
                Console.Error.WriteLine($"threshold missed: accuracy drops by {drop:P2}, limit {limitOfDrop:P2}");
                return ExitCode.ThresholdMissed;
            }
            if (failed.Count == 0) return ExitCode.Ok;
            Console.Error.WriteLine($"threshold missed: {metrics[0]} of output '{failed[0].Name}' is {Value(failed[0].Metrics, metrics[0]):G6}, limit {p.GetValue(threshold):G6}");
            return ExitCode.ThresholdMissed;
        });
    }

    private static Report Report(Comparison c, string[] metrics, int samples, List<string> failed)
    {
        Table Make(IEnumerable<Comparison.Row> rows, bool outputs)
        {
            var table = new Table([new("wire", "wire"), new("op", "op"), new("type", "type"), .. metrics.Select(m => new Column(m, m, m == "cos" ? "0.000000" : "G4")), .. outputs ? (Column[])[new("ok", "ok")] : []]);
            foreach (var r in rows) table.Add([r.Name, r.Operator, r.Type, .. metrics.Select(m => (object?)Value(r.Metrics, m)), .. outputs ? (object?[])[!failed.Contains(r.Name)] : []]);
            return table;
        }
        var report = new Report();
        if (c.Layers.Any()) report.Add("layers", "Layers", Make(c.Layers, false));
        report.Add("outputs", "Outputs", Make(c.Outputs, true)).Add("samples", "samples", samples);
        if (samples > 1) report.AddNote("Each value is the worst over the samples.");
        return report;
    }

    private static double Value(Metrics m, string metric) => metric switch { "cos" => m.Cosine, "linf" => m.Linf, _ => m.Rmse };

    private static bool Meets(Metrics m, string metric, double limit) => metric == "cos" ? m.Cosine >= limit : Value(m, metric) <= limit;

    /// <summary>Outputs by name where all names agree, else by position.</summary>
    private static List<(int A, int B)> MatchOutputs(IReadOnlyList<ValueInfo> a, IReadOnlyList<ValueInfo> b)
    {
        var byName = a.Select((v, i) => (A: i, B: InputChecks.IndexOf(b, v.Name))).ToList();
        if (byName.TrueForAll(x => x.B >= 0)) return byName;
        if (a.Count != b.Count) throw CommandException.Usage($"the models' outputs differ: {InputChecks.Names(a)} and {InputChecks.Names(b)}");
        return [.. a.Select((_, i) => (i, i))];
    }
}
