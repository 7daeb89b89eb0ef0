using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using Engine.Formats.Onnx;
using Engine.Tensors;

namespace Engine.Benchmarks;

/// <summary>The models of bench/models on their own test data; the outputs are checked before anything is timed.</summary>
public class ModelBenchmarks
{
    private Model _model = null!;
    private Session _session = null!;
    private RuntimeValue[] _inputs = [];
    private RuntimeValue?[] _outputs = [];

    [ParamsSource(nameof(Folders))]
    public string Name { get; set; } = "";

    public static IEnumerable<string> Folders => OnnxTestCases.Find(ModelFolder()).Select(c => c.Name);

    [GlobalSetup]
    public void Prepare()
    {
        var test = OnnxTestCases.Find(Path.Combine(ModelFolder(), Name)).Single();
        _model = Model.Load(test.ModelPath);
        _session = _model.CreateSession();
        _inputs = [.. test.DataSets[0].ReadInputs(_model.Definition.Graph)];
        _outputs = new RuntimeValue?[_model.Outputs.Count];
        Run();
        foreach (var (expected, actual) in test.DataSets[0].ReadOutputs(_model.Definition.Graph).Zip(_outputs))
            if (ValueComparer.Compare(expected, actual!) is { } difference) throw new InvalidOperationException($"{Name}: {difference}");
        // The JIT optimizes what runs often in the background, a while later: beside two threads of ours it would be measured too.
        for (var warm = Stopwatch.StartNew(); warm.ElapsedMilliseconds < 1000;) Run();
    }

    [Benchmark]
    public void Run() => _session.Run(_inputs, _outputs);

    [GlobalCleanup]
    public void Release()
    {
        _session.Dispose();
        _model.Dispose();
    }

    private static string ModelFolder()
    {
        var d = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(d.FullName, "Engine.sln"))) d = d.Parent ?? throw new DirectoryNotFoundException("the benchmarks run inside the repository");
        return Path.Combine(d.FullName, "bench", "models");
    }
}
