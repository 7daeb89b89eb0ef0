using System.Globalization;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>Inputs of one run of a test case and the outputs that it must give: files, in the model's order.</summary>
public sealed record OnnxDataSet(string Name, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs)
{
    /// <summary>The inputs, read as the types that <paramref name="graph"/> declares.</summary>
    public IReadOnlyList<RuntimeValue> ReadInputs(ModelGraph graph) => Read(Inputs, graph.Inputs, "input");

    /// <summary>The expected outputs, read as the types that <paramref name="graph"/> declares.</summary>
    public IReadOnlyList<RuntimeValue> ReadOutputs(ModelGraph graph) => Read(Outputs, graph.Outputs, "output");

    private static RuntimeValue[] Read(IReadOnlyList<string> files, List<Value> values, string role)
    {
        if (files.Count != values.Count) throw new InvalidModelException($"the test case has {files.Count} {role} files, the model {values.Count} {role}s");
        return [.. files.Select((f, i) => AsDeclared(OnnxTensorFile.Read(f, values[i].Declared), values[i].Declared))];
    }

    // The official cases store bf16 data as u16, the bits being the same.
    private static RuntimeValue AsDeclared(RuntimeValue value, DeclaredType? declared)
    {
        if (value is not Tensor { DType: DType.U16 } t || declared is not DeclaredType.Tensor { DType: DType.BF16 }) return value;
        var bits = Tensor.Allocate(DType.BF16, t.Shape);
        t.Bytes.CopyTo(bits.Bytes);
        return bits;
    }
}

/// <summary>A folder with <c>model.onnx</c> and <c>test_data_set_N/{input,output}_N.pb</c>.</summary>
public sealed record OnnxTestCase(string Name, string ModelPath, IReadOnlyList<OnnxDataSet> DataSets);

/// <summary>Finds test cases in the layout of the ONNX backend tests.</summary>
public static class OnnxTestCases
{
    /// <summary>Every case below a folder, itself included, in order of name.</summary>
    public static IReadOnlyList<OnnxTestCase> Find(string directory)
    {
        if (!Directory.Exists(directory)) throw new InvalidModelException("is no folder", directory);
        var cases = Directory.EnumerateFiles(directory, "model.onnx", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
            .Select(m => new OnnxTestCase(Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(m))!), m, DataSets(Path.GetDirectoryName(m)!)))
            .ToList();
        cases.Sort((a, b) => string.CompareOrdinal(a.ModelPath, b.ModelPath));
        return cases;
    }

    private static List<OnnxDataSet> DataSets(string folder)
    {
        var sets = Directory.GetDirectories(folder, "test_data_set_*");
        Array.Sort(sets, (a, b) => Number(a).CompareTo(Number(b)));
        return [.. sets.Select(s => new OnnxDataSet(Path.GetFileName(s), Files(s, "input_*.pb"), Files(s, "output_*.pb")))];
    }

    private static string[] Files(string folder, string pattern)
    {
        var files = Directory.GetFiles(folder, pattern);
        Array.Sort(files, (a, b) => Number(a).CompareTo(Number(b)));
        return files;
    }

    private static int Number(string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        return int.TryParse(name[(name.LastIndexOf('_') + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : int.MaxValue;
    }
}
