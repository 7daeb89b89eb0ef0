using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Rewrites;

/// <summary>Rewrites and planning see nodes as files have them: with any number of operands and results, named or left out.</summary>
public class ArityTests
{
    public static TheoryData<string, string> Operators()
    {
        var data = new TheoryData<string, string>();
        foreach (var (domain, name) in OperatorRegistry.Standard.Known.Order()) data.Add(domain, name);
        return data;
    }

    [Theory, MemberData(nameof(Operators))]
    public void Any_number_of_operands_runs_or_is_refused(string domain, string name)
    {
        int refused = 0, tried = 0;
        for (int inputs = 0; inputs <= 5; inputs++)
            for (int outputs = 0; outputs <= 2; outputs++)
                foreach (int gap in (int[])[-1, 0, 1])
                    foreach (bool constants in (bool[])[false, true])
                    {
                        if (gap >= inputs) continue;
                        tried++;
                        if (!Runs(domain, name, inputs, outputs, gap, constants)) refused++;
                    }
        Assert.InRange(refused, 1, tried);
    }

    // Two nodes, one behind the other, as most patterns are.
    private static bool Runs(string domain, string name, int inputs, int outputs, int gap, bool constants)
    {
        var graph = new ModelGraph("arity");
        var x = new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(4), new Dim(4)]));
        graph.Inputs.Add(x);
        var from = x;
        try
        {
            for (int i = 0; i < 2; i++)
            {
                Value?[] operands = [.. Enumerable.Range(0, inputs).Select(k => k == gap ? null : k == 0 ? from : constants ? Constant($"c{i}.{k}") : x)];
                Value[] results = [.. Enumerable.Range(0, outputs).Select(k => new Value($"y{i}.{k}"))];
                graph.Nodes.Add(new Node($"n{i}", OperatorRegistry.Standard.Create(domain, name, new Attributes(1) { InputCount = inputs, OutputCount = outputs }, $"n{i}"), operands, results));
                from = results.FirstOrDefault(x);
            }
            graph.Outputs.Add(from);
            using var model = Model.Create(new ModelDefinition(graph));
            using var session = model.CreateSession();
            session.Run(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Allocate(DType.F32, new Shape(4, 4)) });
            return true;
        }
        catch (EngineException)
        {
            return false;
        }
    }

    private static Value Constant(string name) => Value.Of(name, Tensor.Allocate(DType.F32, new Shape(4, 4)));
}
