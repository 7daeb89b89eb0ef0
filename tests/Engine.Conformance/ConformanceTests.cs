using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Conformance;

/// <summary>Every case of the ONNX backend tests, through the interpreter.</summary>
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
        {
            var expected = set.ReadOutputs(graph);
            var actual = interpreter.Run(graph, set.ReadInputs(graph));
            for (int i = 0; i < expected.Count; i++)
            {
                string? difference = ValueComparer.Compare(expected[i], actual[i]);
                Assert.True(difference is null, $"{set.Name}, output '{graph.Outputs[i].Name}': {difference}");
            }
        }
    }
}
