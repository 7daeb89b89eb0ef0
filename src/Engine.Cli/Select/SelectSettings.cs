using System.CommandLine;

namespace Engine.Cli;

/// <summary>The options of <c>engine select</c>.</summary>
internal sealed class SelectSettings
{
    public Argument<string> Model { get; } = CommonOptions.Model();

    public Option<string> Latency { get; } = new("--latency") { Description = "Most that a run may take, predicted", HelpName = "5ms", Required = true };

    public Option<string?> Output { get; } = new("--output", "-o") { Description = "Write the part as a model of its own: .onnx or .engine", HelpName = "FILE" };

    public InputOptions Inputs { get; } = new();

    public Option<string?> Samples { get; } = new("--inputs") { Description = "Folder of samples that losses are measured on, in place of those that the model gives", HelpName = "dir" };

    public Option<string?> Labels { get; } = new("--labels") { Description = "Classes of the samples' rows (.npy, or a number a line): the loss is the part newly wrong; without it the error of the outputs", HelpName = "file" };

    public Option<string?> Table { get; } = new("--latency-table") { Description = "Table of measured latencies; default: this machine's, in the user's cache folder. What it lacks is measured and added", HelpName = "f.json" };

    public Option<int> Validate { get; } = new("--validate") { Description = "Also measure so many random parts, and say how well predictions agree (MAPE, Spearman)", HelpName = "N" };

    public Option<int> Seed { get; } = new("--seed") { Description = "Of the random parts", DefaultValueFactory = _ => 1, HelpName = "N" };

    public Option<int> Threads { get; } = CommonOptions.Threads();

    public Option<ReportFormat> Format { get; } = CommonOptions.Format("md|json|csv");

    public void AddTo(Command command)
    {
        command.Arguments.Add(Model);
        Validate.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && !(int.TryParse(r.Tokens[0].Value, out int n) && n is >= 2 and <= 10000)) r.AddError($"--validate {r.Tokens[0].Value}: expected a number from 2 to 10000");
        });
        foreach (Option o in (Option[])[Latency, Output]) command.Options.Add(o);
        Inputs.AddTo(command);
        foreach (Option o in (Option[])[Samples, Labels, Table, Validate, Seed, Threads, Format]) command.Options.Add(o);
    }
}
