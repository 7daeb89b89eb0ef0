using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Memory that wires share, and steps that vanish.</summary>
public class SharingTests
{
    [Fact]
    public void Parts_of_a_concatenation_are_computed_in_place_and_nested_ones_too()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        var (n, e) = (b.Op("Neg", 13, [x]), b.Op("Exp", 13, [x]));
        var inner = b.Op("Concat", 13, [n, e], new() { ["axis"] = 1L });
        var outer = b.Op("Concat", 13, [inner, b.Op("Abs", 13, [x])], new() { ["axis"] = 1L });
        b.Output(b.Op("Mul", 14, [outer, outer]));
        var steps = Steps(b, out var y, Tensor.From(new Shape(1, 2, 3), new float[] { -1, 2, -3, 4, -5, 6 }));
        Assert.DoesNotContain("Concat", steps);
        Assert.Equal(4, steps.Count);
        Assert.Equal(new Shape(1, 6, 3), y.Shape);
        Assert.Equal([1, 4, 9, 16, 25, 36], y.Span<float>()[..6].ToArray());
        Assert.Equal([1, 4, 9, 16, 25, 36], y.Span<float>()[12..].ToArray());
        Assert.Equal(MathF.Exp(2) * MathF.Exp(2), y.Span<float>()[7], 1e-3f);
    }

    [Fact]
    public void A_part_that_is_read_later_keeps_its_content()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        var n = b.Op("Neg", 13, [x]);
        var joined = b.Op("Concat", 13, [n, b.Op("Abs", 13, [x])], new() { ["axis"] = 0L });
        // Relu of the part may not overwrite it: the whole is read afterwards.
        var part = b.Op("Relu", 14, [n]);
        b.Output(b.Op("Add", 14, [joined, b.Op("Concat", 13, [part, part], new() { ["axis"] = 0L })]));
        Steps(b, out var y, Tensor.Vector<float>(-1, 2));
        Assert.Equal([2, -2, 2, 2], y.Span<float>().ToArray());
    }

    [Fact]
    public void Elementwise_results_overwrite_operands_at_their_last_use_only()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        var first = b.Op("Neg", 13, [x]);
        var second = b.Op("Exp", 13, [first]);
        var third = b.Op("Sqrt", 13, [second]);
        b.Output(b.Op("Add", 14, [third, first]));
        using var model = Model.Create(new ModelDefinition(b.Graph));
        using var session = model.CreateSession(new SessionOptions { Poison = true });
        var y = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Vector<float>(-2, -4) }).Values.Single();
        Assert.Equal(MathF.Sqrt(MathF.Exp(2)) + 2, y.Span<float>()[0], 1e-5f);
        // Neg must live to the end; Exp, Sqrt and Add share one buffer, which is the output's.
        Assert.Single(session.Plans[0].Buffers, p => p.Region == Region.Arena && !p.IsWorkspace);
        Assert.Equal(model.Plan(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Vector<float>(-2, -4) }).ArenaBytes, session.Plans[0].ArenaBytes);
    }

    [Fact]
    public void Reshapes_cost_no_step_and_an_output_that_is_an_input_is_a_copy()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        var flat = b.Op("Reshape", 13, [x, b.Constant(Tensor.Vector<long>(-1))]);
        b.Output(flat);
        b.Output(x);
        using var model = Model.Create(new ModelDefinition(b.Graph));
        using var session = model.CreateSession();
        var input = Tensor.From(new Shape(2, 2), new float[] { 1, 2, 3, 4 });
        var y = session.Run(new Dictionary<string, RuntimeValue> { ["x"] = input }).Values.Cast<Tensor>().ToArray();
        input.Span<float>().Fill(9);
        Assert.Equal(new Shape(4), y[0].Shape);
        Assert.Equal([1, 2, 3, 4], y[0].Span<float>().ToArray());
        Assert.Equal([1, 2, 3, 4], y[1].Span<float>().ToArray());
        Assert.Equal("Copy", Assert.Single(session.Plans[0].Steps).Operator);
    }

    [Fact]
    public void A_residual_network_runs_blocked_with_conversions_at_the_edges_only()
    {
        using var model = Model.Create(new ModelDefinition(Networks.ResNet50(64)));
        using var session = model.CreateSession(new SessionOptions { Threads = 2, Poison = true });
        using var plain = Model.Create(new ModelDefinition(Networks.ResNet50(64)), new ModelOptions { OptimizationLevel = 1 });
        using var reference = plain.CreateSession();
        var x = Tensor.Allocate(DType.F32, new Shape(1, 3, 64, 64));
        var random = new Random(5);
        foreach (ref float v in x.Span<float>()) v = (float)random.NextDouble() - 0.5f;
        var inputs = new Dictionary<string, RuntimeValue> { ["x"] = x };
        var (expected, actual) = ((Tensor)reference.Run(inputs).Values.Single(), (Tensor)session.Run(inputs).Values.Single());
        Assert.Null(ValueComparer.Compare(expected, actual, 1e-3, 1e-3 * expected.Span<float>().ToArray().Max(MathF.Abs)));
        var steps = session.Plans[0].Steps;
        Assert.True(steps.Count(s => s.Stem is "conv-winograd" || s.Stem.Contains("blocked", StringComparison.Ordinal)) >= 50, string.Join('\n', steps.Select(s => s.Stem)));
        Assert.True(steps.Count(s => s.Operator == "Convert") <= 2);
        Assert.DoesNotContain(steps, s => s.Operator is "Add" or "Relu");
    }

    private static List<string> Steps(GraphBuilder b, out Tensor y, Tensor x)
    {
        using var model = Model.Create(new ModelDefinition(b.Graph));
        using var session = model.CreateSession(new SessionOptions { Poison = true });
        y = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x }).Values.Single();
        return [.. session.Plans[0].Steps.Select(s => s.Operator)];
    }
}
