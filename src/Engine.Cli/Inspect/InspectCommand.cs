using System.CommandLine;
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
        engine inspect m.onnx --format dot | dot -Tsvg -o m.svg
        """;

    public static Command Create()
    {
        var model = CommonOptions.Model();
        Option<bool> layers = new("--layers") { Description = "A row a node" };
        Option<InspectFormat> format = new("--format", "-f") { Description = "Output format: md|json|csv|dot", HelpName = "md|json|csv|dot" };
        return new Command("inspect", "Show inputs, outputs, operators, weights and plan of a model") { model, layers, format }.Action(Examples, (p, _) =>
        {
            using var m = EngineModel.Load(p.GetRequiredValue(model));
            if (p.GetValue(format) == InspectFormat.Dot)
            {
                Console.Out.Write(DotGraph.Write(m.Graph));
                return ExitCode.Ok;
            }
            var report = new Report();
            Summary(report, m);
            if (p.GetValue(layers)) report.Add("layers", "Layers", Layers(m.Graph));
            report.Write((ReportFormat)p.GetValue(format));
            return ExitCode.Ok;
        });
    }

    private static void Summary(Report report, EngineModel m)
    {
        var s = new ModelStatistics(m.Graph);
        report.Add("model", "model", m.Path)
            .Add("bytes", "file bytes", new FileInfo(m.Path).Length)
            .Add("opsets", "opsets", string.Join(", ", m.Definition.Opsets.Select(o => $"{(o.Key.Length == 0 ? "ai.onnx" : o.Key)} {o.Value}")));
        foreach (var (k, v) in m.Definition.Metadata.Where(x => x.Value.Length > 0)) report.Add("metadata." + k, k, v.ReplaceLineEndings(" "));
        report.Add("nodes", "nodes", s.Nodes).Add("parameters", "parameters", s.Parameters).Add("weight_bytes", "weight bytes", s.Bytes)
            .Add("inputs", "Inputs", Values(m.Graph.Inputs))
            .Add("outputs", "Outputs", Values(m.Graph.Outputs));
        var operators = new Table(new("operator", "operator"), new("domain", "domain"), new("count", "count"), new("parameters", "parameters"), new("weight bytes", "weight_bytes"));
        foreach (var o in s.Operators) operators.Add(o.Name, o.Domain.Length == 0 ? "ai.onnx" : o.Domain, o.Count, o.Parameters, o.Bytes);
        report.Add("operators", "Operators", operators);
        var schemes = new Table(new("scheme", "scheme"), new("type", "type"), new("tensors", "tensors"), new("parameters", "parameters"), new("bytes", "bytes"), new("bits/parameter", "bits_per_parameter", "0.##"));
        foreach (var w in s.Schemes) schemes.Add(w.Scheme, w.DType.Display(), w.Count, w.Parameters, w.Bytes, w.Parameters == 0 ? null : 8.0 * w.Bytes / w.Parameters);
        report.Add("weights", "Weights", schemes);
    }

    private static Table Values(List<Value> values)
    {
        var t = new Table(new("name", "name"), new("type", "type"));
        foreach (var v in values) t.Add(v.Name, TypeOf(v));
        return t;
    }

    private static Table Layers(ModelGraph graph)
    {
        var t = new Table(new("#", "index"), new("layer", "layer"), new("op", "op"), new("inputs", "inputs"), new("outputs", "outputs"), new("scheme", "scheme"), new("params", "parameters"), new("weight KiB", "weight_kib", "0.0"));
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            var n = graph.Nodes[i];
            var (parameters, bytes) = ModelStatistics.OfNode(n);
            t.Add(i, n.Name, n.Op.ToString(), Wires(n.Inputs), Wires(n.Outputs), Scheme(n), parameters, bytes / 1024.0);
        }
        return t;
    }

    /// <summary>Scheme of the largest constant of two dimensions or more: the weight of a linear operator.</summary>
    private static string? Scheme(Node n) => n.Inputs.Select(v => v?.Constant).OfType<Weight>().Where(w => w.Shape.Rank >= 2).MaxBy(w => w.StoredBytes) is { } w ? $"{w.Describe()} {w.DType.Display()}" : null;

    private static string Wires(IReadOnlyList<Value?> values) => string.Join(", ", values.Where(v => v is { Constant: null }).Select(v => v!.Declared is null ? v.Name : $"{v.Name} {TypeOf(v)}"));

    private static string TypeOf(Value v) => v.Constant is { } w ? $"{w.DType.Display()}{w.Shape}" : v.Declared?.ToString() ?? "?";
}
