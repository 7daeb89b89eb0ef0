using System.CommandLine;
using Engine.Formats;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Cli;

internal enum InspectFormat
{
    Md,
    Json,
    Csv,
    Dot,
}

/// <summary><c>engine inspect</c>: what a model takes, gives, holds, and how it would run.</summary>
internal static class InspectCommand
{
    private const string Examples = """
        engine inspect m.onnx
        engine inspect m.onnx --layers --shape input:1x3x224x224
        engine inspect m.onnx --plan --format json
        engine inspect vad.onnx --plan --shape input:1x576 --input sr=rate.npy     a plan that depends on an input's value
        engine inspect nested.onnx --plan --width 0.5      the plan of a part of a model with elastic dimensions
        engine inspect m.onnx --format dot | dot -Tsvg -o m.svg
        engine inspect m.engine --layers                   also provenance, and the sections of the file with their checksums
        engine inspect weights.safetensors                 the weights of a checkpoint and how they are stored; also of a .gguf
        """;

    public static Command Create()
    {
        var model = CommonOptions.Model();
        Option<bool> layers = new("--layers") { Description = "A row a node, before rewrites; with output types and operations where the shapes of the inputs are known" };
        Option<bool> plan = new("--plan") { Description = "Order, kernels, lifetimes and offsets of buffers, segments, peak memory and its lower bound" };
        var inputs = new InputOptions();
        var level = CommonOptions.OptimizationLevel();
        Option<InspectFormat> format = new("--format", "-f") { Description = "Output format: md|json|csv|dot", HelpName = "md|json|csv|dot" };
        var command = new Command("inspect", "Show inputs, outputs, operators, weights and plan of a model") { model, layers, plan, level, format };
        var part = new PartOptions();
        inputs.AddTo(command);
        part.AddTo(command);
        return command.Action(Examples, (p, cancellation) =>
        {
            string path = p.GetRequiredValue(model);
            var kind = EngineModel.KindOf(path);
            if (kind is ModelFileKind.Safetensors or ModelFileKind.Gguf)
            {
                if (p.GetValue(plan) || p.GetValue(format) == InspectFormat.Dot) throw CommandException.Usage($"{path}: holds weights, no graph");
                (kind == ModelFileKind.Gguf ? GgufReport.Make(path) : CheckpointReport.Make(path)).Write((ReportFormat)p.GetValue(format));
                return ExitCode.Ok;
            }
            using var m = EngineModel.Load(path, new RunSettings(OptimizationLevel: p.GetValue(level)), part.Of(p));
            if (p.GetValue(format) == InspectFormat.Dot)
            {
                Console.Out.Write(DotGraph.Write(m.AsStored.Graph));
                return ExitCode.Ok;
            }
            var given = NamedValue.Shapes(p.GetValue(inputs.Shapes));
            foreach (string name in given.Keys) InputChecks.Find(m.Inputs, name);
            var report = new Report();
            Summary(report, m);
            if (kind == ModelFileKind.Engine) EngineFileReport.Add(report, path, p.GetValue(layers));
            if (p.GetValue(layers)) report.Add("layers", "Layers", LayerTable.Make(m.AsStored.Graph, LayerTable.Infer(path, m.Inputs, given)));
            if (p.GetValue(plan)) PlanReport.Add(report, m, inputs.Read(p, m.Inputs, random: true), cancellation);
            report.Write((ReportFormat)p.GetValue(format));
            return ExitCode.Ok;
        });
    }

    private static void Summary(Report report, EngineModel m)
    {
        var definition = m.AsStored;
        var s = new ModelStatistics(definition.Graph);
        report.Add("model", "model", m.Path)
            .Add("bytes", "file bytes", new FileInfo(m.Path).Length)
            .Add("opsets", "opsets", string.Join(", ", definition.Opsets.Select(o => $"{(o.Key.Length == 0 ? "ai.onnx" : o.Key)} {o.Value}")));
        foreach (var (k, v) in definition.Metadata.Where(x => x.Value.Length > 0 && x.Key != ElasticDimensions.Key)) report.Add("metadata." + k, k, v.ReplaceLineEndings(" "));
        report.Add("nodes", "nodes", s.Nodes).Add("parameters", "parameters", s.Parameters).Add("weight_bytes", "weight bytes", s.Bytes)
            .Add("inputs", "Inputs", Values(m.Inputs))
            .Add("outputs", "Outputs", Values(m.Outputs));
        if (m.Model.Elastic.All.Count > 0) report.Add("elastic", "Elastic dimensions", Elastic(m.Model.Elastic));
        if (m.Part is { } part) report.Add("part", "part", part.ToString());
        var operators = new Table(new("operator", "operator"), new("domain", "domain"), new("count", "count"), new("parameters", "parameters"), new("weight bytes", "weight_bytes"));
        foreach (var o in s.Operators) operators.Add(o.Name, o.Domain.Length == 0 ? "ai.onnx" : o.Domain, o.Count, o.Parameters, o.Bytes);
        report.Add("operators", "Operators", operators);
        var schemes = new Table(new("scheme", "scheme"), new("type", "type"), new("tensors", "tensors"), new("parameters", "parameters"), new("bytes", "bytes"), new("bits/parameter", "bits_per_parameter", "0.##"));
        foreach (var w in s.Schemes) schemes.Add(w.Scheme, w.DType.Display(), w.Count, w.Parameters, w.Bytes, w.Parameters == 0 ? null : 8.0 * w.Bytes / w.Parameters);
        report.Add("weights", "Weights", schemes);
        if (BinaryTable.Of(m.Graph, m.Model.Rewrites.SelectMany(r => r.Notes)) is { } binary) report.Add("binary", "Binary layers", binary);
    }

    private static Table Elastic(ElasticDimensions dimensions)
    {
        var t = new Table(new("dimension", "dimension"), new("name", "name"), new("choices", "choices"), new("loss", "loss"), new("constants cut", "constants"));
        foreach (var d in dimensions.All)
            t.Add(d.Kind, d.Name, string.Join(' ', d.Choices), d.Losses is null ? "" : string.Join(' ', d.Losses.Select(l => l.ToString("0.####", System.Globalization.CultureInfo.InvariantCulture))), d is ElasticWidth w ? w.Cuts.Select(c => c.Constant).Distinct().Count() : null);
        return t;
    }

    private static Table Values(IReadOnlyList<ValueInfo> values)
    {
        var t = new Table(new("name", "name"), new("type", "type"));
        foreach (var v in values) t.Add(v.Name, v.Type?.ToString() ?? "?");
        return t;
    }
}
