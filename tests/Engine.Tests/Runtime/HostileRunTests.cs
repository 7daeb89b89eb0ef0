using System.Diagnostics;
using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>
/// Small models, truncated and with single bits flipped, through load and run: always a typed error, a cancelled run, or the result that
/// the interpreter gives for the same bytes.
/// </summary>
public class HostileRunTests
{
    private const int FlippedBytes = 4096;
    private static readonly ModelOptions s_options = new() { MaxMemory = 64 << 20 };

    public static TheoryData<string> Models => [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests", "data", "small"), "*.onnx").Select(p => Path.GetFileNameWithoutExtension(p)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Models))]
    public void Unchanged_models_run(string name)
    {
        var bytes = Read(name);
        Assert.Equal("result", Try(bytes, Inputs(bytes), seconds: 60));
    }

    [Theory, MemberData(nameof(Models))]
    public void Some_truncations_and_flips_fail_well(string name) => Sweep(name, everyLength: 7, everyBit: 61);

    [Theory, MemberData(nameof(Models)), Trait("Category", "Soak")]
    public void All_truncations_and_flips_fail_well(string name) => Sweep(name, 1, 1);

    private static void Sweep(string name, int everyLength, int everyBit)
    {
        var bytes = Read(name);
        var inputs = Inputs(bytes);
        for (int n = 0; n < bytes.Length; n += everyLength) Check(bytes[..n], inputs, $"{name} truncated to {n} bytes");
        for (int bit = 0; bit < Math.Min(bytes.Length, FlippedBytes) * 8; bit += everyBit)
        {
            var flipped = (byte[])bytes.Clone();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Check(flipped, inputs, $"{name} with bit {bit} flipped");
        }
    }

    private static void Check(byte[] bytes, IReadOnlyDictionary<string, RuntimeValue> inputs, string what)
    {
        try
        {
            Try(bytes, inputs);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{what}: {e.GetType().Name}: {e.Message}", e);
        }
    }

    private static string Try(byte[] bytes, IReadOnlyDictionary<string, RuntimeValue> inputs, int seconds = 1)
    {
        long start = Stopwatch.GetTimestamp();
        Model model;
        try
        {
            model = Model.Load(bytes, s_options);
        }
        catch (EngineException)
        {
            return "refused";
        }
        // Generous, because the machine may be busy: the point is that nothing hangs.
        Assert.True(Stopwatch.GetElapsedTime(start).TotalSeconds < 10, "the load took over 10 s");
        using var _ = model;
        using var session = model.CreateSession();
        using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        IReadOnlyDictionary<string, RuntimeValue> actual;
        try
        {
            actual = session.Run(inputs, cancel.Token);
        }
        catch (EngineException)
        {
            return "refused at run";
        }
        catch (OperationCanceledException)
        {
            return "cancelled";
        }
        var graph = OnnxModelReader.Load(bytes).Graph;
        var expected = new Interpreter(CpuKernels.Standard).Run(graph, [.. graph.Inputs.Select(v => inputs[v.Name])]);
        if (Difference(graph, expected, actual) is { } difference)
        {
            // Codes may differ by one where float rounding meets a tie; without quantized wires nothing may.
            Assert.True(model.Definition.Graph.Nodes.Any(n => n.Outputs.Any(v => v?.Quantization is not null)), difference);
            using var floats = Model.Load(bytes, s_options with { OptimizationLevel = 1 });
            using var exact = floats.CreateSession();
            Assert.Null(Difference(graph, expected, exact.Run(inputs)));
        }
        return "result";
    }

    private static string? Difference(ModelGraph graph, IReadOnlyList<RuntimeValue> expected, IReadOnlyDictionary<string, RuntimeValue> actual) =>
        expected.Select((e, i) => ValueComparer.Compare(e, actual[graph.Outputs[i].Name], 1e-2, 1e-3)).FirstOrDefault(d => d is not null);

    private static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Repository.Root, "tests", "data", "small", name + ".onnx"));

    private static Dictionary<string, RuntimeValue> Inputs(byte[] bytes)
    {
        var random = new Random(3);
        return OnnxModelReader.Load(bytes).Graph.Inputs.ToDictionary(v => v.Name, v =>
        {
            var t = Tensor.Allocate(DType.F32, new Shape([.. ((DeclaredType.Tensor)v.Declared!).Dims!.Select(d => d.Value)]));
            foreach (ref float f in t.Span<float>()) f = (float)(random.NextDouble() * 2 - 1);
            return (RuntimeValue)t;
        });
    }
}
