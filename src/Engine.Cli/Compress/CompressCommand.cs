using System.CommandLine;
using Engine.Compression;
using Engine.Cpu;
using Engine.Formats;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary><c>engine compress</c>: a float model in, a model of fewer bits and a report out.</summary>
internal static class CompressCommand
{
    private const string Examples = """
        engine compress m.onnx -o m-int8.onnx --scheme int8 --calib samples/
        engine compress m.onnx -o m.engine --scheme int4 --calib samples/ --measure --report report.md
        engine compress m.onnx -o m.engine --scheme int4-g64 --policy layers.json --labels classes.txt --calib samples/ --max-drop 1%
        engine compress m.onnx -o m.engine --calib samples/ --target size=4MB --candidates int3,int4,w8
        engine compress m.onnx -o m.engine --scheme low-rank:50%+int8 --calib samples/ --labels classes.txt
        engine compress m.onnx -o m.engine --scheme 2:4+int8 --calib samples/ --labels classes.txt
        engine compress m.onnx -o m.engine --scheme int8 --calib samples/ --target sparsity=60%
        engine compress m.onnx -o m-half.onnx --scheme prune:0.5+int8 --calib samples/ --labels classes.txt
        engine compress m.onnx -o m-small.onnx --scheme prune:auto+int8 --calib samples/ --target macs=40%
        engine compress bnn.onnx -o bnn.engine --scheme binary+int8 --calib samples/ --measure
        engine compress m.onnx -o m.engine --scheme int4 --calib samples/ --resume
        """;

    public static Command Create()
    {
        var o = new CompressSettings();
        var command = new Command("compress", "Store weights in few bits: calibrate, round, choose schemes, report");
        o.AddTo(command);
        return command.Action(Examples, (p, cancellation) => Run(o.Get(p), cancellation));
    }

    /// <summary>Runs with arguments as on the command line.</summary>
    public static ExitCode Run(IReadOnlyList<string> args, InvocationConfiguration configuration) => (ExitCode)Create().Parse([.. args]).Invoke(configuration);

    private static ExitCode Run(CompressJob job, CancellationToken cancellation)
    {
        using var model = EngineModel.Load(job.Model, new RunSettings(job.Threads));
        string sha256 = model.Sha256();
        var data = Read(job, model);
        using var workers = new Workers(job.Threads);
        var options = job.Options;
        var (table, tablePath) = Latencies(job);
        if (table is not null) options = options with { Latencies = table };
        CompressionResult? result = null;
        try
        {
            ProgressBar.Run(3 * data.Inputs.Count + model.AsStored.Graph.Nodes.Count, step =>
                result = new Compressor(model.AsStored, sha256, options with { Progress = step }, data, CpuKernels.Standard, workers).Run(cancellation));
        }
        catch (BudgetException e)
        {
            throw new CommandException(ExitCode.ThresholdMissed, e.Message, e);
        }
        finally
        {
            // Also where the budget cannot be met: the next attempt need not measure again.
            if (options.Measure && table!.Count > 0) table.Write(tablePath!);
        }
        cancellation.ThrowIfCancellationRequested();
        var report = CompressReport.Make(result!, options);
        if (job.Output is { } output) ModelOutput.Write(result!, options, sha256, output, job.Pack ? PlannedFor(model, data) : null, cancellation);
        if (job.Report is { } path) AtomicFile.Write(path, s => report.Write(s, path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? ReportFormat.Json : ReportFormat.Md));
        result!.Finish();
        report.Write(job.Format);
        return ExitCode.Ok;
    }

    /// <summary>Inputs of the shapes that weights are packed for.</summary>
    private static IReadOnlyDictionary<string, RuntimeValue> PlannedFor(EngineModel model, CalibrationData data) =>
        data.Inputs.Count > 0 ? data.Inputs[0] : model.Inputs.ToDictionary(i => i.Name, i => (RuntimeValue)RandomInputs.Make(i, new Dictionary<string, Shape>()));

    private static CalibrationData Read(CompressJob job, EngineModel model)
    {
        if (job.Calibration is null) return job.Labels is null ? CalibrationData.None : throw CommandException.Usage("--labels: needs --calib");
        var samples = SampleFolder.Read(job.Calibration, model.Inputs, job.Images);
        return new([.. samples], job.Labels is null ? [] : LabelFile.Read(job.Labels));
    }

    /// <summary>What latencies measured here belong to.</summary>
    public static string Machine => $"{Processor.Name}; {Processor.Isa}; {NativeKernels.Status}; {Tiers.Forced ?? "best tier"}";

    /// <summary>The table named, or this machine's own where there is one or measuring is asked for.</summary>
    private static (LatencyTable?, string?) Latencies(CompressJob job)
    {
        string machine = Machine, path = job.LatencyTable ?? LatencyTable.DefaultPath(machine);
        if (File.Exists(path))
        {
            var table = LatencyTable.Read(path);
            if (job.Options.Measure && table.Machine != machine) throw CommandException.Usage($"--measure: {path} was measured elsewhere ({table.Machine}); here is {machine}");
            return (table, path);
        }
        if (!job.Options.Measure && job.LatencyTable is not null) throw CommandException.Usage($"{path}: no such file (--measure makes it)");
        return job.Options.Measure ? (new LatencyTable(machine), path) : (null, null);
    }
}
