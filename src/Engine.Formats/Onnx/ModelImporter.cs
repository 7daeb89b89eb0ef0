using System.Globalization;
using Engine.Formats.Onnx.Proto;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>One model: its opsets, functions and metadata; the graphs are read by <see cref="GraphImporter"/>.</summary>
internal sealed class ModelImporter(ModelProto model, string? file, OperatorRegistry operators, TensorSource tensors, LoadBudget budget)
{
    /// <summary>Builds the definition.</summary>
    public ModelDefinition Import()
    {
        if (model.Graph is null) throw new InvalidModelException("the model has no graph", file);
        var opsets = Opsets(model.OpsetImport, file);
        // Files older than the field itself import nothing and mean the first opset.
        if (model.IrVersion < 3) opsets.TryAdd("", 1);
        var functions = new Dictionary<(string, string, string), FunctionProto>();
        foreach (var f in model.Functions)
            if (!functions.TryAdd((Domain(f.Domain), f.Name, f.Overload), f)) throw new InvalidModelException($"function '{f.Domain}.{f.Name}' is defined twice", file);

        var graph = new GraphImporter(functions, file, operators, tensors, budget).Import(model.Graph, new Scope { Opsets = opsets });
        var twice = graph.Outputs.GroupBy(o => o.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1);
        if (twice is not null) throw new InvalidModelException($"output '{twice.Key}' is listed twice", file);
        return new ModelDefinition(graph) { Source = file, Opsets = opsets, Metadata = Metadata() };
    }

    /// <summary>Versions by normalized domain.</summary>
    public static Dictionary<string, int> Opsets(IEnumerable<OperatorSetIdProto> imports, string? file)
    {
        var r = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var o in imports)
        {
            string domain = Domain(o.Domain);
            if (o.Version is < 1 or > int.MaxValue) throw new InvalidModelException($"opset {o.Version} of domain '{o.Domain}' is not valid", file);
            if (domain.Length == 0 && o.Version > OnnxModelReader.NewestOpset) throw new UnsupportedException($"the model needs ONNX opset {o.Version}; the newest one supported is {OnnxModelReader.NewestOpset}");
            if (r.TryGetValue(domain, out int other) && other != o.Version) throw new InvalidModelException($"domain '{o.Domain}' is imported as opset {other} and {o.Version}", file);
            r[domain] = (int)o.Version;
        }
        return r;
    }

    /// <summary>The ONNX domain has two spellings; ours is the empty one.</summary>
    public static string Domain(string domain) => domain == "ai.onnx" ? "" : domain;

    private Dictionary<string, string> Metadata()
    {
        var m = new Dictionary<string, string>(StringComparer.Ordinal);
        void Put(string key, string value)
        {
            if (value.Length > 0) m[key] = value;
        }
        foreach (var p in model.MetadataProps)
            if (!m.TryAdd(p.Key, p.Value)) throw new InvalidModelException($"metadata gives '{p.Key}' twice", file);
        Put("producer_name", model.ProducerName);
        Put("producer_version", model.ProducerVersion);
        Put("domain", model.Domain);
        Put("doc_string", model.DocString);
        Put("ir_version", model.IrVersion.ToString(CultureInfo.InvariantCulture));
        if (model.ModelVersion != 0) Put("model_version", model.ModelVersion.ToString(CultureInfo.InvariantCulture));
        return m;
    }
}
