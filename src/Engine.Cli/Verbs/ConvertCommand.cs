using System.CommandLine;
using Engine.Compression;
using Engine.Cpu;
using Engine.Formats;
using Engine.Formats.Checkpoints;
using Engine.Formats.EngineFiles;
using Engine.Graph;
using Engine.Runtime;

namespace Engine.Cli;

/// <summary><c>engine convert</c>: a model of any readable format as an engine file, with the weights of a checkpoint where asked.</summary>
internal static class ConvertCommand
{
    private const string Examples = """
        engine convert m.onnx -o m.engine
        engine convert m.onnx -o m.engine --pack --shape x:1x3x224x224                      sessions of these shapes pack nothing
        engine convert nested.onnx -o small.engine --width 0.5 --depth 1                   a part of a model, as a model of its own
        engine convert m.onnx -o elastic.engine --elastic                                  say which channels may be left out, for --width and select
        engine convert m.onnx --weights gptq.safetensors -o m.engine                       constants named like weights take them
        engine convert m.onnx --weights a.safetensors b.safetensors --map onnx::MatMul_12=model.fc.weight.T -o m.engine
        """;

    private const string TransposeSuffix = ".T";

    public static Command Create()
    {
        var model = CommonOptions.Model();
        Option<string> output = new("--output", "-o") { Description = "The engine file to write; replaced in one step", HelpName = "FILE", Required = true };
        Option<string[]> weights = new("--weights") { Description = "safetensors or GGUF files whose weights replace constants: plain, GPTQ, AWQ, compressed-tensors, blocks of ggml", HelpName = "FILE", AllowMultipleArgumentsPerToken = true };
        Option<string[]> map = new("--map") { Description = "Which weight a constant takes, where the names differ; with .T the constant holds its transpose", HelpName = "CONSTANT=WEIGHT[.T]", AllowMultipleArgumentsPerToken = true };
        Option<bool> v2 = new("--gptq-v2") { Description = "GPTQ zero points are stored as they are, not less one" };
        var pack = PackedOutput.Option();
        var inputs = new InputOptions();
        Option<bool> elastic = new("--elastic") { Description = "Find the groups of channels that can be cut together, and describe them in the file: quarters of each group of 32 and more" };
        var part = new PartOptions();
        var command = new Command("convert", "Write a model, or a part of one, as an engine file") { model, output, weights, map, v2, pack, elastic };
        inputs.AddTo(command);
        part.AddTo(command);
        return command.Action(Examples, (p, cancellation) =>
        {
            string path = p.GetRequiredValue(model), target = p.GetRequiredValue(output);
            var definition = EngineModel.Read(path);
            string[] files = p.GetValue(weights) ?? [], pairs = p.GetValue(map) ?? [];
            if (files.Length == 0 && pairs.Length > 0) throw CommandException.Usage("--map needs --weights");
            var provenance = EngineModel.KindOf(path) == ModelFileKind.Engine ? EngineFileReader.Inspect(path).Provenance : new() { SourceSha256 = FileHash.Sha256(path) };
            if (files.Length > 0)
            {
                foreach (string f in files)
                    if (!File.Exists(f)) throw CommandException.Usage($"{f}: no such file");
                var layers = Replace(definition, Checkpoint.Open(files, p.GetValue(v2)), pairs);
                provenance = new() { SourceSha256 = FileHash.Sha256([path, .. files]), Layers = layers };
                Console.Error.WriteLine($"{layers.Count} constants replaced");
            }
            if (part.Of(p) is { } select) definition = Part(definition, select);
            if (p.GetValue(elastic)) definition = ElasticWidths.Describe(definition, CpuKernels.Standard);
            if (!p.GetValue(pack) && (p.GetValue(inputs.Files) is { Length: > 0 } || p.GetValue(inputs.Shapes) is { Length: > 0 })) throw CommandException.Usage("--input and --shape say what --pack plans for: give it too");
            var rewriting = new RewriteContext(new NodeEvaluator(CpuKernels.Standard));
            int sums = Rewriter.Apply(new KroneckerSums(), definition.Graph, rewriting), binary = Rewriter.ApplyBinary(definition.Graph, rewriting);
            if (sums > 0) Console.Error.WriteLine($"{sums} weights kept as sums of Kronecker products");
            if (binary > 0) Console.Error.WriteLine($"{binary} layers kept as convolutions of signs, a bit a weight");
            if (!p.GetValue(pack)) EngineFileWriter.Write(definition, target, provenance);
            else PackedOutput.Write(definition, target, provenance, m => inputs.Read(p, m, random: true), cancellation);
            return ExitCode.Ok;
        });
    }

    // Before rewrites, so that the file holds the part as the model stores it.
    private static ModelDefinition Part(ModelDefinition definition, Func<Model, SubNetwork?> select) => select(Model.Create(definition, new ModelOptions { OptimizationLevel = 0 }))!.Extract();

    private static List<LayerProvenance> Replace(ModelDefinition model, Checkpoint weights, string[] pairs)
    {
        var assigned = pairs.Select(Parse).ToList();
        var named = assigned.Select(a => a.Constant).ToHashSet(StringComparer.Ordinal);
        assigned.AddRange(WeightReplacement.ByName(model, weights).Where(a => !named.Contains(a.Constant)));
        if (assigned.Count == 0) throw CommandException.Usage("no constant of the model has the name of a weight: use --map");
        WeightReplacement.Apply(model, weights, assigned);
        var schemes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var v in Constants(model.Graph)) schemes.TryAdd(v.Name, v.Constant!.Describe());
        return [.. assigned.OrderBy(a => a.Constant, StringComparer.Ordinal).Select(a => new LayerProvenance(a.Constant, schemes[a.Constant]))];
    }

    private static IEnumerable<Value> Constants(ModelGraph graph) => graph.Constants.Concat(graph.Nodes.SelectMany(n => n.Op.Subgraphs).SelectMany(Constants));

    private static WeightAssignment Parse(string pair)
    {
        int at = pair.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0 || at == pair.Length - 1) throw CommandException.Usage($"--map {pair}: expected CONSTANT=WEIGHT or CONSTANT=WEIGHT.T");
        string weight = pair[(at + 1)..];
        bool transposed = weight.EndsWith(TransposeSuffix, StringComparison.Ordinal);
        return new(pair[..at], transposed ? weight[..^TransposeSuffix.Length] : weight, transposed);
    }
}
