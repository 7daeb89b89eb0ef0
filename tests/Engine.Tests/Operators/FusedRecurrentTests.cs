using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Recurrent layers with constant weights against the same layers node by node.</summary>
public class FusedRecurrentTests
{
    private static Tensor Floats(Random r, params long[] dims) => Tensor.From(new Shape(dims), TestData.Floats(new Shape(dims).Count, r.Next()));

    [Theory]
    [InlineData("LSTM"), InlineData("GRU")]
    public void Every_shape_and_direction_agrees_and_no_number_of_threads_changes_a_bit(string op)
    {
        using var two = new Workers(2);
        using var three = new Workers(3);
        for (int seed = 0; seed < 40; seed++)
        {
            var r = new Random(seed);
            string direction = new[] { "forward", "reverse", "bidirectional" }[r.Next(3)];
            bool batchFirst = r.Next(2) == 0, large = seed % 10 == 9;
            long gates = op == "LSTM" ? 4 : 3, directions = direction == "bidirectional" ? 2 : 1, sequence = r.Next(1, large ? 20 : 8), batch = r.Next(1, 7), input = r.Next(1, 30), hidden = large ? 100 + r.Next(60) : r.Next(1, 40);
            var x = batchFirst ? Floats(r, batch, sequence, input) : Floats(r, sequence, batch, input);
            Tensor State() => batchFirst ? Floats(r, batch, directions, hidden) : Floats(r, directions, batch, hidden);
            Tensor w = Floats(r, directions, gates * hidden, input), u = Floats(r, directions, gates * hidden, hidden);
            Tensor? b = r.Next(3) > 0 ? Floats(r, directions, 2 * gates * hidden) : null, h = r.Next(2) == 0 ? State() : null, c = op == "LSTM" && r.Next(2) == 0 ? State() : null;
            var attributes = new Dictionary<string, object> { ["hidden_size"] = hidden, ["direction"] = direction, ["layout"] = batchFirst ? 1L : 0 };
            if (op == "GRU") attributes["linear_before_reset"] = 1L;
            int outputs = op == "LSTM" ? 3 : 2, first = r.Next(4) == 0 ? 1 : 0;

            var g = new GraphBuilder();
            var inputs = new List<RuntimeValue> { x };
            Value? Given(string name, Tensor? t)
            {
                if (t is null) return null;
                inputs.Add(t);
                return g.Input(name, DType.F32);
            }
            Value?[] operands = [g.Input("x", DType.F32), g.Constant(w), g.Constant(u), b is null ? null : g.Constant(b), null, Given("h", h), Given("c", c)];
            var made = g.Ops(op, 14, op == "LSTM" ? operands : operands[..6], attributes, outputs);
            if (first == 1) g.Graph.Nodes[^1].Outputs = [null, .. made[1..]];
            for (int i = first; i < outputs; i++) g.Output(made[i]);

            RuntimeValue?[] given = [x, w, u, b, null, h, c];
            var expected = OpRunner.Run(op, 14, op == "LSTM" ? given : given[..6], attributes, outputs);
            var plain = Run(g.Graph, inputs, Workers.Single, $"{op.ToLowerInvariant()}-f32");
            for (int i = first; i < outputs; i++) AssertEx.Close((Tensor)expected[i]!, (Tensor)plain[i - first]!, 2e-5);
            foreach (var workers in new[] { two, three })
            {
                var again = Run(g.Graph, inputs, workers, $"{op.ToLowerInvariant()}-f32");
                for (int i = 0; i < again.Length; i++) Assert.True(((Tensor)plain[i]!).Bytes.SequenceEqual(((Tensor)again[i]!).Bytes));
            }
        }
    }

    private static RuntimeValue?[] Run(ModelGraph graph, List<RuntimeValue> inputs, Workers workers, string stem)
    {
        var stems = new List<string>();
        var program = new Runtime.Program(graph, CpuKernels.Standard, new PackedWeights(), new PlanOptions());
        var executor = new Executor(program, workers, new ExecutorOptions { Poison = true, Planned = p => stems.AddRange(p.Steps.Select(s => s.Stem)) });
        var outputs = new RuntimeValue?[graph.Outputs.Count];
        executor.Run([.. inputs], outputs);
        Assert.Contains(stem, stems);
        return outputs;
    }
}
