using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Conformance;

/// <summary>Every case of the ONNX backend tests: through the interpreter, and through plans at every optimization level with dead memory poisoned.</summary>
public sealed class ConformanceTests(ConformanceTally tally) : IClassFixture<ConformanceTally>
{
    public static TheoryData<string> Cases => [.. ConformanceData.Names];

    [CaseTheory, MemberData(nameof(Cases))]
    public void Case(string name)
    {
        try
        {
            Run(ConformanceData.Cases[name]);
            tally.Passed();
        }
        catch (Exception e)
        {
            tally.Failed(name, e);
            throw;
        }
    }

    private static void Run(OnnxTestCase c)
    {
        var graph = OnnxModelReader.Load(c.ModelPath).Graph;
        var interpreter = new Interpreter(CpuKernels.Standard);
        foreach (var set in c.DataSets)
            Check("interpreter", set, graph, interpreter.Run(graph, set.ReadInputs(graph)));
        foreach (int level in (int[])[0, 2])
        {
            using var model = Model.Load(c.ModelPath, new ModelOptions { OptimizationLevel = level });
            using var session = model.CreateSession(new SessionOptions { Poison = true });
            foreach (var set in c.DataSets)
            {
                // The second run takes the path of a plan that is known.
                for (int run = 0; run < 2; run++)
                {
                    var outputs = new RuntimeValue?[model.Outputs.Count];
                    session.Run([.. set.ReadInputs(graph)], outputs);
                    Check($"level {level}, run {run}", set, graph, outputs!);
                }
            }
        }
    }

    private static void Check(string how, OnnxDataSet set, ModelGraph graph, IReadOnlyList<RuntimeValue> actual)
    {
        var expected = set.ReadOutputs(graph);
        for (int i = 0; i < expected.Count; i++)
        {
            string? difference = ValueComparer.Compare(expected[i], actual[i]);
            Assert.True(difference is null, $"{set.Name} ({how}), output '{graph.Outputs[i].Name}': {difference}");
        }
    }
}
