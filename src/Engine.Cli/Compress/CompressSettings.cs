using System.CommandLine;
using Engine.Compression;

namespace Engine.Cli;

/// <summary>A command line of <c>engine compress</c>, read.</summary>
internal sealed record CompressJob(string Model, string? Output, CompressionOptions Options, string? Calibration, string? Labels, ImageSettings Images, string? LatencyTable, string? Report, int Threads, bool Pack, ReportFormat Format);

/// <summary>The options of <c>engine compress</c>.</summary>
internal sealed class CompressSettings
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string?> _output = new("--output", "-o") { Description = "Model to write: .engine, or .onnx with DequantizeLinear and MatMulNBits", HelpName = "file" };
    private readonly Option<string> _scheme = new("--scheme") { Description = "int8 (weights and activations), w8, int2 to int7, ternary, sign, nf4, mxfp4 or float, with -gN or -channel, and -asym; low-rank:R (or R%, energy=P%, break-even), spatial:R, tucker:R or cp:R, alone or with + and one of the others; N:M (as 2:4) or sparse:PART with zeros, alone, before codes or behind factors; prune:0.5+ before all of it, or alone, removes that part of the channels first, prune:auto+ of each group as much as --target says; binary, alone or with + and a scheme for the other layers, stores layers of signs as bits or as trees", DefaultValueFactory = _ => "int8", HelpName = "scheme" };
    private readonly Option<string?> _calibration = new("--calib") { Description = "Folder of samples: files, or a folder with a file an input for each", HelpName = "dir" };
    private readonly Option<string?> _labels = new("--labels") { Description = "Classes of the samples (.npy, or a number a line): the drop is measured in accuracy", HelpName = "file" };
    private readonly Option<string?> _policy = new("--policy") { Description = "Schemes by layer, as JSON", HelpName = "layers.json" };
    private readonly Option<string?> _target = new("--target") { Description = "Choose schemes of least error within size=4MB, latency=5ms or bits=4.5, or with sparsity=60% of the weights zero, or macs=40% of the multiplications left; with prune:auto the parts of channels that are left", HelpName = "limit" };
    private readonly Option<string?> _candidates = new("--candidates") { Description = "Schemes that --target and --max-drop choose from; default: int3,int4,w8,float, and for sparsity and macs 1:4, 2:8, 2:4, 4:8 and no zeros", HelpName = "a,b,c" };
    private readonly Option<string?> _maxDrop = new("--max-drop") { Description = "Give layers more bits until accuracy lost (or classes changed, or relative RMSE) is within it", HelpName = "1%" };
    private readonly Option<string> _method = new("--method") { Description = "gptq: later weights make up for errors and zeros (needs --calib); nearest: they do not, and zeros are the least weights", DefaultValueFactory = _ => "gptq", HelpName = "gptq|nearest" };
    private readonly Option<FactorMethod> _factors = new("--factors") { Description = "What factors keep: plain, the weight; outputs, the outputs on the samples; centredOutputs, those less their means", DefaultValueFactory = _ => FactorMethod.Outputs, HelpName = "method" };
    private readonly Option<RangeMethod> _range = new("--range") { Description = "Ranges of activations: minmax, percentile, entropy or mse", DefaultValueFactory = _ => RangeMethod.Mse, HelpName = "method" };
    private readonly Option<double> _percentile = new("--percentile") { Description = "Part of the values that --range percentile holds", DefaultValueFactory = _ => 99.99, HelpName = "P" };
    private readonly Option<bool> _signed = new("--signed-activations") { Description = "Activations as i8 around zero instead of u8 with a zero point" };
    private readonly Option<bool> _dynamic = new("--dynamic-activations") { Description = "Consent to rounding activations of grouped layers to 8 bits at run time" };
    private readonly Option<bool> _noOrder = new("--no-act-order") { Description = "Round columns in their order, not by how strongly inputs drive them" };
    private readonly Option<double> _damp = new("--damp") { Description = "Dampening of error compensation, part of the mean diagonal", DefaultValueFactory = _ => 0.01, HelpName = "part" };
    private readonly Option<bool> _noBias = new("--no-bias-correction") { Description = "Leave biases as they are" };
    private readonly Option<bool> _noReconstruction = new("--no-reconstruction") { Description = "Do not fit the layers behind removed channels" };
    private readonly Option<bool> _measure = new("--measure") { Description = "Measure the latency of layers that the table lacks, and keep it in the table" };
    private readonly Option<string?> _table = new("--latency-table") { Description = "Table of measured latencies; default: this machine's, in the user's cache folder", HelpName = "f.json" };
    private readonly Option<bool> _noFallback = new("--no-fallback") { Description = "Keep schemes that measure slower than float" };
    private readonly Option<long> _seed = new("--seed") { Description = "Seed of the choice of calibration rows", DefaultValueFactory = _ => 42, HelpName = "N" };
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Report, and write no model" };
    private readonly Option<bool> _resume = new("--resume") { Description = "Go on where an interrupted run of the same job stopped" };
    private readonly Option<bool> _pack = PackedOutput.Option();
    private readonly Option<string?> _report = new("--report") { Description = "Write the report to a .md or .json file too", HelpName = "file" };
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<ReportFormat> _format = CommonOptions.Format("md|json|csv");
    private readonly ImageOptions _images = new();

    public void AddTo(Command command)
    {
        command.Arguments.Add(_model);
        foreach (Option o in (Option[])[_output, _scheme, _calibration, _labels, _policy, _target, _candidates, _maxDrop, _method, _factors, _range, _percentile, _signed, _dynamic, _noOrder, _damp, _noBias, _noReconstruction, _measure, _table, _noFallback, _seed, _dryRun, _resume, _pack, _report]) command.Options.Add(o);
        _images.AddTo(command);
        foreach (Option o in (Option[])[_threads, _format]) command.Options.Add(o);
        _method.AcceptOnlyFromAmong("gptq", "nearest");
    }

    public CompressJob Get(ParseResult p)
    {
        string? output = p.GetValue(_output);
        bool dry = p.GetValue(_dryRun);
        if (output is null && !dry) throw CommandException.Usage("--output: say where the model goes (or --dry-run)");
        if (output is not null && !ModelOutput.IsKnown(output)) throw CommandException.Usage($"--output {output}: expected a .engine or .onnx file");
        if (p.GetValue(_pack) && output is not null && !ModelOutput.IsEngine(output)) throw CommandException.Usage($"--pack: layouts of kernels are stored in .engine files, not in {output}");
        if (output is not null && Path.GetFullPath(output) == Path.GetFullPath(p.GetRequiredValue(_model))) throw CommandException.Usage($"--output {output}: is the model itself");
        if (p.GetValue(_percentile) is not (> 50 and <= 100)) throw CommandException.Usage("--percentile: expected more than 50, at most 100");
        if (p.GetValue(_damp) is not (>= 0 and <= 1)) throw CommandException.Usage("--damp: expected 0 to 1");
        var target = CompressTargets.Budget(p.GetValue(_target));
        var maxDrop = CompressTargets.Part(p.GetValue(_maxDrop), "--max-drop");
        var recipe = Recipe.Parse(p.GetRequiredValue(_scheme));
        if (recipe.IsBinary && output is not null && !ModelOutput.IsEngine(output)) throw CommandException.Usage($"--scheme binary: signs are stored in .engine files, not in {output}");
        var channels = recipe.IsAuto ? CompressTargets.Channels(target, recipe.Scheme) : null;
        if (recipe.IsAuto) target = null;
        var options = new CompressionOptions
        {
            Scheme = recipe.Scheme,
            Binary = recipe.IsBinary,
            Prune = recipe.Prune,
            PruneWithin = channels,
            Reconstruct = !p.GetValue(_noReconstruction),
            Policy = p.GetValue(_policy) is { } policy ? Policy.Read(policy) : new(),
            Candidates = target is null && maxDrop is null ? [] : CompressTargets.Candidates(p.GetValue(_candidates), target, recipe.Scheme),
            Budget = target,
            MaxDrop = maxDrop,
            Method = p.GetValue(_method) == "nearest" ? RoundingMethod.Nearest : RoundingMethod.Gptq,
            FactorMethod = p.GetValue(_factors),
            Gptq = new GptqOptions(!p.GetValue(_noOrder), p.GetValue(_damp)),
            Range = p.GetValue(_range),
            Percentile = p.GetValue(_percentile),
            SignedActivations = p.GetValue(_signed),
            SparseForms = output is null || ModelOutput.IsEngine(output),
            DynamicActivations = p.GetValue(_dynamic),
            BiasCorrection = !p.GetValue(_noBias),
            Measure = p.GetValue(_measure),
            NoFallback = p.GetValue(_noFallback),
            Seed = (ulong)p.GetValue(_seed),
            WorkFolder = dry ? null : output + ".work",
            Resume = p.GetValue(_resume),
        };
        return new(p.GetRequiredValue(_model), dry ? null : output, options, p.GetValue(_calibration), p.GetValue(_labels), _images.Get(p), p.GetValue(_table), p.GetValue(_report), p.GetValue(_threads), p.GetValue(_pack), p.GetValue(_format));
    }
}
