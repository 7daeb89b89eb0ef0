using Engine.Cpu;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

public class ControlFlowTests
{
    [Fact]
    public void A_branch_on_a_small_input_becomes_one_static_plan_a_value()
    {
        var b = new GraphBuilder();
        var (x, flag) = (b.Input("x", DType.F32), b.Input("flag", DType.I64));
        var condition = b.Op("Equal", 13, [flag, b.Constant(Tensor.Scalar(16000L))]);
        b.Output(b.If(condition, t => t.Op("Neg", 13, [x]), e => e.Op("Mul", 14, [x, x])));
        using var model = Model.Create(new ModelDefinition(b.Graph));
        using var session = model.CreateSession();
        Assert.Equal([-3f], Run(session, 3, 16000));
        Assert.Equal([9f], Run(session, 3, 8000));
        Assert.Equal([-4f], Run(session, 4, 16000));
        Assert.Equal(2, session.Plans.Count);
        Assert.All(session.Plans, p => Assert.Null(p.EndsAt));
        Assert.All(session.Plans, p => Assert.Single(p.Steps));
    }

    [Fact]
    public void A_condition_that_never_repeats_is_decided_at_run_time()
    {
        var b = new GraphBuilder();
        var (x, flag) = (b.Input("x", DType.F32), b.Input("flag", DType.I64));
        var condition = b.Op("Less", 13, [flag, b.Constant(Tensor.Scalar(100L))]);
        b.Output(b.If(condition, t => t.Op("Neg", 13, [x]), e => e.Op("Mul", 14, [x, x])));
        using var model = Model.Create(new ModelDefinition(b.Graph));
        using var session = model.CreateSession();
        for (int i = 0; i < 200; i++) Assert.Equal([i < 100 ? -3f : 9f], Run(session, 3, i));
        Assert.True(session.Plans.Count < 100, $"{session.Plans.Count} plans");
        Assert.Contains(session.Plans, p => p.EndsAt is not null);
    }

    [Fact]
    public void A_data_dependent_shape_ends_a_segment_and_the_next_is_planned_from_it()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        var found = b.Op("NonZero", 13, [b.Op("Relu", 14, [x])]);
        b.Output(b.Op("Cast", 13, [b.Op("Add", 14, [found, found])], new() { ["to"] = 1L }));
        using var model = Model.Create(new ModelDefinition(b.Graph));
        using var session = model.CreateSession(new SessionOptions { Poison = true });
        foreach (var (input, expected) in new[] { (new float[] { -1, 2, 0, 3 }, new float[] { 2, 6 }), ([1, 1, 1, 1], [0, 2, 4, 6]), ([0, 0, 0, 0], []) })
        {
            var y = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Vector(input) }).Values.Single();
            Assert.Equal(expected, y.Span<float>().ToArray());
        }
    }

    [Fact]
    public void A_loop_carries_values_reads_wires_around_it_and_stacks_results()
    {
        var b = new GraphBuilder();
        var (x, trips) = (b.Input("x", DType.F32), b.Input("trips", DType.I64));
        var doubled = b.Op("Add", 14, [x, x]);
        var outputs = b.Loop(trips, [x], (body, carried) =>
        {
            var next = body.Op("Add", 14, [carried[0], doubled]);
            return ([next], [body.Op("Neg", 13, [next])]);
        });
        foreach (var o in outputs) b.Output(o);
        using var model = Model.Create(new ModelDefinition(b.Graph));
        using var session = model.CreateSession(new SessionOptions { Poison = true });
        var values = session.Run(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Vector<float>(1, 2), ["trips"] = Tensor.Scalar(3L) }).Values.Cast<Tensor>().ToArray();
        Assert.Equal([7, 14], values[0].Span<float>().ToArray());
        Assert.Equal(new Shape(3, 2), values[1].Shape);
        Assert.Equal([-3, -6, -5, -10, -7, -14], values[1].Span<float>().ToArray());
        var expected = new Interpreter(CpuKernels.Standard).Run(b.Graph, [Tensor.Vector<float>(1, 2), Tensor.Scalar(3L)]);
        Assert.Null(ValueComparer.Compare(expected[1], values[1]));
    }

    [Fact]
    public void An_endless_loop_can_be_cancelled_and_the_session_used_again()
    {
        var b = new GraphBuilder();
        var (x, trips) = (b.Input("x", DType.F32), b.Input("trips", DType.I64));
        b.Output(b.Loop(trips, [x], (body, carried) => ([body.Op("Neg", 13, [carried[0]])], []))[0]);
        using var model = Model.Create(new ModelDefinition(b.Graph));
        using var session = model.CreateSession();
        using var cancel = new CancellationTokenSource(50);
        Assert.ThrowsAny<OperationCanceledException>(() => session.Run(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Vector<float>(1), ["trips"] = Tensor.Scalar(long.MaxValue) }, cancel.Token));
        var y = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Vector<float>(1), ["trips"] = Tensor.Scalar(3L) }).Values.Single();
        Assert.Equal([-1f], y.Span<float>().ToArray());
    }

    [Fact]
    public void Memory_of_values_beside_the_arena_is_used_again_but_never_while_a_result_lies_in_it()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        b.Output(b.Op("NonZero", 13, [x]));
        using var model = Model.Create(new ModelDefinition(b.Graph));
        using var session = model.CreateSession();
        Tensor Places(params float[] values) => (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Vector(values) }).Values.Single();
        var kept = Places(0, 1, 1);
        for (int i = 0; i < 10; i++) Assert.Equal([0, 2], Places(1, 0, 1).Span<long>().ToArray());
        Assert.Equal([1, 2], kept.Span<long>().ToArray());

        var pool = new SidePool();
        var first = pool.Rent(DType.F32, new Shape(5));
        var second = pool.Rent(DType.F32, new Shape(5));
        first.Span<float>().Fill(1);
        pool.Reclaim([new TensorSequence([second])]);
        var third = pool.Rent(DType.F32, new Shape(3));
        Assert.Same(first.Storage, third.Storage);
        Assert.Equal([0, 0, 0], third.Span<float>().ToArray());
        Assert.NotSame(second.Storage, pool.Rent(DType.F32, new Shape(5)).Storage);
    }

    private static float[] Run(Session session, float x, long flag) =>
        ((Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Vector(x), ["flag"] = Tensor.Scalar(flag) }).Values.Single()).Span<float>().ToArray();
}
