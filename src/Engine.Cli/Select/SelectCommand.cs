using System.CommandLine;
using System.Globalization;
using Engine.Compression;
using Engine.Formats.EngineFiles;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary><c>engine select</c>: the part of a model that fits a latency and loses least; of a model without elastic dimensions, schemes by layer.</summary>
internal static class SelectCommand
{
    private const string Examples = """
        engine select nested.onnx --latency 300us
        engine select nested.engine --latency 5ms --shape x:1x3x224x224 --threads 1 -o small.onnx
        engine select nested.onnx --latency 1ms --inputs samples/ --labels classes.txt
        engine select nested.onnx --latency 1ms --validate 50                  predicted against measured latency of 50 random parts
        engine select m.onnx --latency 5ms --inputs samples/ -o m.engine       no elastic dimensions: schemes by layer, as compress --target latency=5ms --measure
        """;

    // Random parts that the overhead of steps and runs is fitted on.
    private const int FittedParts = 12;

    public static Command Create()
    {
        var o = new SelectSettings();
        var command = new Command("select", "Choose the part of a model that fits a latency");
        o.AddTo(command);
        return command.Action(Examples, (p, cancellation) => Run(o, p, cancellation));
    }

    private static ExitCode Run(SelectSettings o, ParseResult p, CancellationToken cancellation)
    {
        string path = p.GetRequiredValue(o.Model), text = p.GetRequiredValue(o.Latency);
        double limit = CompressTargets.Time(text, "--latency");
        if (p.GetValue(o.Output) is { } target && !ModelOutput.IsKnown(target)) throw CommandException.Usage($"--output {target}: expected .onnx or .engine");
        if (p.GetValue(o.Labels) is not null && p.GetValue(o.Samples) is null) throw CommandException.Usage("--labels: needs --inputs");
        int threads = p.GetValue(o.Threads) is > 0 and var t ? t : Environment.ProcessorCount;
        using var engine = EngineModel.Load(path, new RunSettings(threads));
        var model = engine.Model;
        if (model.Elastic.All.Count == 0) return Schemes(o, p, path, text);
        var inputs = o.Inputs.Read(p, model.Inputs, random: true);
        var samples = p.GetValue(o.Samples) is { } dir ? SampleFolder.Read(dir, model.Inputs, o.Inputs.Images(p)) : [inputs];
        int[]? labels = p.GetValue(o.Labels) is { } file ? LabelFile.Read(file) : null;
        string tablePath = p.GetValue(o.Table) ?? LatencyTable.DefaultPath(CompressCommand.Machine);
        var table = File.Exists(tablePath) ? LatencyTable.Read(tablePath) : new LatencyTable(CompressCommand.Machine);
        if (table.Machine != CompressCommand.Machine) throw CommandException.Usage($"--latency-table {tablePath}: was measured elsewhere ({table.Machine}); here is {CompressCommand.Machine}");

        var others = new OtherLoad();
        using var latency = new PartLatency(model, inputs, threads, table);
        var random = new RandomParts(model, p.GetValue(o.Seed));
        int validated = p.GetValue(o.Validate), before = table.Count;
        FoundPart? found = null;
        string unit = "";
        double measured = 0, least = 0, change = 0;
        IReadOnlyList<MeasuredPart> rows = [];
        SubNetwork Select(int[] choice) => RandomParts.Select(model, choice);
        int[] smallest = [.. model.Elastic.All.Select(d => d.Choices[0])];
        ProgressBar.Run((int)Math.Min(1200, 101 + FittedParts + validated + model.Elastic.All.Sum(d => d.Choices.Count)), step =>
        {
            void Step(string name)
            {
                cancellation.ThrowIfCancellationRequested();
                step(name);
            }
            (var losses, unit) = PartLosses.Of(model, samples, labels, p.GetValue(o.Samples) is not null, Step, cancellation);
            Step("warming up");
            latency.Settle([Select(smallest), Select([.. model.Elastic.All.Select(d => d.Whole)])], cancellation);
            SubNetwork[] fitted = [.. random.Take(FittedParts, [smallest, [.. model.Elastic.All.Select(d => d.Whole)]]).Select(Select)];
            latency.Fit([.. fitted.Zip(latency.Measure(fitted, () => Step("overhead"), cancellation))]);
            found = new PartSearch(model.Elastic, losses, c => latency.Predict(Select(c)), Step).Within(limit);
            if (found is not null) measured = latency.Measure([Select(found.Choice)], () => Step("the part"), cancellation)[0];
            else least = latency.Predict(Select(smallest));
            change = latency.Change(Select(smallest), Select([.. model.Elastic.All.Select(d => d.Whole)]), cancellation);
            SubNetwork[] validatedParts = [.. random.Take(validated, []).Select(Select)];
            // Predicted first: what the table lacks is measured apart from what is compared with it.
            double[] predicted = [.. validatedParts.Select(latency.Predict)];
            double[] run = latency.Measure(validatedParts, () => Step("validation"), cancellation);
            rows = [.. validatedParts.Select((part, i) => new MeasuredPart(part, predicted[i], run[i]))];
        });
        table.Write(tablePath);
        if (found is null) throw new CommandException(ExitCode.ThresholdMissed, string.Create(CultureInfo.InvariantCulture, $"no part is predicted to run within {text}; the smallest takes {least / 1e6:0.####} ms"));
        SelectReport.Make(path, threads, limit, found, Select(found.Choice), measured, unit, change, latency.Overhead, table.Count - before, others.Percent(), rows).Write(p.GetValue(o.Format));
        if (p.GetValue(o.Output) is { } to) Write(path, found.Choice, to);
        return ExitCode.Ok;
    }

    // As the model stores it, before rewrites.
    private static void Write(string path, int[] choice, string to)
    {
        using var stored = Model.Load(path, new ModelOptions { OptimizationLevel = 0 });
        var part = RandomParts.Select(stored, choice).Extract();
        if (ModelOutput.IsEngine(to)) EngineFileWriter.Write(part, to, new() { SourceSha256 = FileHash.Sha256(path) });
        else OnnxModelWriter.Write(part, to);
    }

    private static ExitCode Schemes(SelectSettings o, ParseResult p, string path, string latency)
    {
        if (p.GetValue(o.Validate) > 0) throw CommandException.Usage($"--validate: {path} has no elastic dimensions (engine convert --elastic makes some)");
        List<string> args = [path, "--target", $"latency={latency}", "--measure", "--calib", p.GetValue(o.Samples) ?? throw CommandException.Usage($"{path} has no elastic dimensions (engine convert --elastic makes some); choosing schemes by layer needs --inputs with samples")];
        void Pass(string option, string? value)
        {
            if (value is not null) args.AddRange([option, value]);
        }
        Pass("--output", p.GetValue(o.Output));
        Pass("--labels", p.GetValue(o.Labels));
        Pass("--latency-table", p.GetValue(o.Table));
        if (p.GetValue(o.Threads) is > 0 and var threads) Pass("--threads", threads.ToString(CultureInfo.InvariantCulture));
        return CompressCommand.Run(args, p.InvocationConfiguration);
    }
}
