using Engine.Cpu;
using Engine.Formats;
using Engine.Formats.EngineFiles;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Conformance;

/// <summary>Every model of the backend tests written and read again: the same graph, the same results, and the same bytes when written once more.</summary>
public sealed class RoundTripTests
{
    public static TheoryData<string> Cases => [.. ConformanceData.Names];

    [CaseTheory, MemberData(nameof(Cases))]
    public void Case(string name) => RoundTrip(name, (m, to) => OnnxModelWriter.Write(m, to), bytes => OnnxModelReader.Load(bytes));

    [CaseTheory, MemberData(nameof(Cases))]
    public void Engine_file(string name) => RoundTrip(name, (m, to) => EngineFileWriter.Write(m, to), bytes => EngineFileReader.Load(bytes, new ModelReadOptions { VerifyChecksums = true }));

    private static void RoundTrip(string name, Action<ModelDefinition, Stream> write, Func<byte[], ModelDefinition> read)
    {
        var c = ConformanceData.Cases[name];
        var original = OnnxModelReader.Load(c.ModelPath);
        byte[] bytes = Write(original);
        var copy = read(bytes);
        Assert.Equal(bytes, Write(copy));
        Assert.Equal(original.Metadata.Where(p => p.Key != "ir_version"), copy.Metadata.Where(p => p.Key != "ir_version"));
        Assert.Equal(Shape(original.Graph), Shape(copy.Graph));
        foreach (var set in c.DataSets)
        {
            var inputs = set.ReadInputs(original.Graph);
            var expected = new Interpreter(CpuKernels.Standard).Run(original.Graph, inputs);
            var actual = new Interpreter(CpuKernels.Standard).Run(copy.Graph, inputs);
            for (int i = 0; i < expected.Count; i++) Assert.Null(ValueComparer.Compare(expected[i], actual[i], 0, 0));
        }

        byte[] Write(ModelDefinition model)
        {
            using var m = new MemoryStream();
            write(model, m);
            return m.ToArray();
        }
    }

    /// <summary>Operators with attributes and declared types, names of wires left out; Identity nodes that subgraphs need for their outputs too.</summary>
    private static List<string> Shape(ModelGraph graph)
    {
        var lines = new List<string>();
        foreach (var v in graph.Inputs.Concat(graph.Outputs)) lines.Add($"{v.Declared}");
        foreach (var n in graph.Nodes)
        {
            if (n.Op.Name == "Identity") continue;
            lines.Add($"{n.Describe()} {n.Inputs.Count} {n.Outputs.Count} {string.Join(' ', n.Op.Attributes.Values.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => a.Key + Value(a.Value)))} "
                + string.Join(' ', n.Inputs.Select(v => v is null ? "-" : v.ConstantTensor is { } t ? Value(t) : "wire")));
            foreach (var g in n.Op.Subgraphs) lines.AddRange(Shape(g));
        }
        return lines;
    }

    private static string Value(object value) => value switch
    {
        Tensor { DType: DType.String } t => $"{t} {string.Join(' ', t.Strings)}",
        Tensor t => $"{t} {Convert.ToHexString(t.Bytes)}",
        SparseTensor s => $"{s.Shape} {Value(s.Values)} {Value(s.Indices)}",
        Array a and not ModelGraph[] => $"{a.GetType().Name} {string.Join(' ', a.Cast<object>().Select(Value))}",
        ModelGraph or ModelGraph[] => "graph",
        _ => value.ToString()!,
    };
}
