using System.CommandLine;
using System.Diagnostics;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary><c>engine run</c>: one run; outputs to files, or a summary of them.</summary>
internal static class RunCommand
{
    private const string Examples = """
        engine run m.onnx --input x=in.npy --output y=out.npy
        engine run m.onnx --shape input:1x3x224x224            random input, summary of the outputs
        engine run m.onnx --input cat.png --resize 224x224 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
        engine run nested.onnx --input x.npy --width 0.5 --depth 1            a part of a model with elastic dimensions
        engine run vad.onnx --input input=speech.wav --input sr=rate.npy --threads 2
        engine run large.engine --shape x:1x4096 --verify header --verbose         maps the file; prints the times
        """;

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var inputs = new InputOptions();
        var part = new PartOptions();
        Option<string[]> outputs = new("--output", "-o") { Description = "Write an output to a .npy file; without this option a summary of each output is printed", HelpName = "NAME=FILE" };
        var threads = CommonOptions.Threads();
        var backend = CommonOptions.Backend();
        var level = CommonOptions.OptimizationLevel();
        var verify = CommonOptions.Verify();
        var format = CommonOptions.Format("md|json|csv");
        var command = new Command("run", "Run a model once") { model };
        inputs.AddTo(command);
        part.AddTo(command);
        foreach (Option o in (Option[])[outputs, threads, backend, level, verify, format]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            var targets = NamedValue.Files(p.GetValue(outputs), "--output");
            foreach (var (_, file) in targets)
                if (!file.EndsWith(".npy", StringComparison.OrdinalIgnoreCase)) throw CommandException.Usage($"--output {file}: only .npy files are written");
            var watch = Stopwatch.StartNew();
            using var m = EngineModel.Load(p.GetRequiredValue(model), new RunSettings(p.GetValue(threads), p.GetValue(level), p.GetValue(verify)), part.Of(p));
            double loaded = watch.Elapsed.TotalMilliseconds;
            var writes = targets.Select(t => (Index: Output(m, t.Name), t.File)).ToList();
            var values = inputs.Read(p, m.Inputs, random: false);
            watch.Restart();
            var results = m.Run(values, cancellation);
            double ms = watch.Elapsed.TotalMilliseconds;
            foreach (var (i, file) in writes) Write(results[i], m.Outputs[i].Name, file);
            if (targets.Count == 0) OutputSummary.Make(m.Outputs, results).Write(p.GetValue(format));
            if (p.GetValue(CommandHost.Verbose)) Console.Error.WriteLine($"loaded in {loaded:0.###} ms; planned, packed and ran in {ms:0.###} ms");
            return ExitCode.Ok;
        });
    }

    private static int Output(EngineModel m, string? name)
    {
        var all = m.Outputs;
        if (name is null) return all.Count == 1 ? 0 : throw CommandException.Usage($"the model has {all.Count} outputs ({InputChecks.Names(all)}): say which as --output NAME=FILE");
        int i = InputChecks.IndexOf(all, name);
        return i >= 0 ? i : throw CommandException.Usage($"the model has no output '{name}'; its outputs are {InputChecks.Names(all)}");
    }

    private static void Write(RuntimeValue value, string name, string file)
    {
        if (value is not Tensor t) throw new CommandException(ExitCode.RunFailed, $"output '{name}' is no tensor and cannot be written to {file}");
        NpyFile.Write(file, t);
    }
}
