using System.Diagnostics;
using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

public class SessionTests
{
    public static TheoryData<string> OurModels => [.. Repository.Models()];

    [Theory, MemberData(nameof(OurModels))]
    public void A_run_allocates_nothing_after_the_first(string path)
    {
        using var model = Model.Load(path);
        using var session = model.CreateSession(new SessionOptions { Threads = 2 });
        var inputs = Repository.Inputs(path, model);
        var outputs = new RuntimeValue?[model.Outputs.Count];
        AssertEx.AllocatesNothing(() => session.Run(inputs, outputs));
    }

    [Theory, MemberData(nameof(OurModels))]
    public void Results_are_bit_identical_for_any_number_of_threads(string path)
    {
        using var model = Model.Load(path);
        byte[][]? first = null;
        foreach (int threads in (int[])[1, 2, 3, 7])
        {
            using var session = model.CreateSession(new SessionOptions { Threads = threads });
            var outputs = new RuntimeValue?[model.Outputs.Count];
            session.Run(Repository.Inputs(path, model), outputs);
            var bytes = outputs.Select(o => ((Tensor)o!).Bytes.ToArray()).ToArray();
            first ??= bytes;
            Assert.Equal(first, bytes);
        }
    }

    [Theory, MemberData(nameof(OurModels))]
    public void Every_level_with_poisoned_memory_gives_the_interpreters_result(string path)
    {
        using var reference = Model.Load(path, new ModelOptions { OptimizationLevel = 0 });
        var inputs = Repository.Inputs(path, reference);
        var expected = new Interpreter(CpuKernels.Standard).Run(reference.Definition.Graph, inputs);
        foreach (int level in (int[])[0, 1, 2])
        {
            using var model = Model.Load(path, new ModelOptions { OptimizationLevel = level });
            using var session = model.CreateSession(new SessionOptions { Poison = true });
            var outputs = new RuntimeValue?[model.Outputs.Count];
            session.Run(inputs, outputs);
            for (int i = 0; i < outputs.Length; i++) Assert.Null(ValueComparer.Compare(expected[i], outputs[i]!, 1e-4, path.Contains("qdq", StringComparison.Ordinal) ? 0.3 : 1e-4));
        }
    }

    [Fact]
    public void A_plan_is_kept_a_shape_and_the_cache_is_bounded()
    {
        var graph = Elementwise("Relu");
        using var model = Model.Create(new ModelDefinition(graph), new ModelOptions { MaxPlans = 4 });
        using var session = model.CreateSession();
        for (int round = 0; round < 3; round++)
            for (int n = 1; n <= 10; n++)
            {
                var x = Tensor.From(new Shape(n), Enumerable.Range(-3, n).Select(i => (float)i).ToArray());
                var y = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x })["y"];
                Assert.Equal(x.Span<float>().ToArray().Select(v => Math.Max(v, 0)), y.Span<float>().ToArray());
            }
    }

    [Fact]
    public void A_caller_may_own_every_buffer()
    {
        using var model = Model.Create(new ModelDefinition(Elementwise("Neg")));
        using var session = model.CreateSession();
        float[] x = [1, -2, 3], y = new float[3];
        session.Bind("x", Tensor.Wrap<float>(new Shape(3), x));
        session.Bind("y", Tensor.Wrap<float>(new Shape(3), y));
        session.Run();
        Assert.Equal([-1, 2, -3], y);
        x[0] = 10;
        session.Run();
        Assert.Equal([-10, 2, -3], y);
        float[] z = new float[3];
        session.Run<float, float>([4, 5, 6], z);
        Assert.Equal([-4, -5, -6], z);
    }

    [Fact]
    public void Wrong_inputs_are_named()
    {
        var graph = Elementwise("Relu");
        graph.Inputs[0].Declared = new DeclaredType.Tensor(DType.F32, [new Dim(-1, "N"), new Dim(4)]);
        using var model = Model.Create(new ModelDefinition(graph));
        using var session = model.CreateSession();
        var ok = Tensor.Allocate(DType.F32, new Shape(2, 4));
        InputException Fails(string name, RuntimeValue v) => Assert.Throws<InputException>(() => session.Run(new Dictionary<string, RuntimeValue> { [name] = v }));
        Assert.Contains("f32[N,4]", Fails("x", Tensor.Allocate(DType.F32, new Shape(2, 5))).Message, StringComparison.Ordinal);
        Assert.Contains("i64[2,4]", Fails("x", Tensor.Allocate(DType.I64, new Shape(2, 4))).Message, StringComparison.Ordinal);
        Assert.Equal("x", Fails("z", ok).Input);
        session.Run(new Dictionary<string, RuntimeValue> { ["x"] = ok });
    }

    [Fact]
    public void A_cancelled_session_stays_usable()
    {
        using var model = Model.Create(new ModelDefinition(Elementwise("Relu")));
        using var session = model.CreateSession();
        var inputs = new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Vector<float>(-1, 2) };
        Assert.ThrowsAny<OperationCanceledException>(() => session.Run(inputs, new CancellationToken(true)));
        Assert.Equal([0, 2], ((Tensor)session.Run(inputs)["y"]).Span<float>().ToArray());
    }

    [Theory, InlineData(1), InlineData(2)]
    public void A_long_step_is_cancelled_and_the_next_run_gives_the_same_bits(int threads)
    {
        var g = new GraphBuilder();
        var x = g.Input("x", DType.F32);
        var product = g.Op("MatMul", 13, [x, x]);
        g.Output(product);
        using var model = Model.Create(new ModelDefinition(g.Graph));
        using var session = model.CreateSession(new SessionOptions { Threads = threads });
        var large = new Dictionary<string, RuntimeValue> { ["x"] = TestMatrix(4000) };
        var small = new Dictionary<string, RuntimeValue> { ["x"] = TestMatrix(300) };
        var expected = ((Tensor)session.Run(small)[product.Name]).Bytes.ToArray();

        using var cancel = new CancellationTokenSource();
        // A timer would wait for a thread of the pool, which other tests may keep busy.
        var canceller = new Thread(() =>
        {
            Thread.Sleep(20);
            cancel.Cancel();
        });
        canceller.Start();
        long start = Stopwatch.GetTimestamp();
        Assert.ThrowsAny<OperationCanceledException>(() => session.Run(large, cancel.Token));
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20));
        canceller.Join();

        Assert.Equal(expected, ((Tensor)session.Run(small)[product.Name]).Bytes.ToArray());
        using var never = new CancellationTokenSource();
        Assert.Equal(expected, ((Tensor)session.Run(small, never.Token)[product.Name]).Bytes.ToArray());
    }

    [Fact]
    public void One_sum_of_2_to_the_40_terms_is_cancelled()
    {
        var g = new GraphBuilder();
        g.Output(g.Op("Einsum", 12, [g.Input("a", DType.F32), g.Input("b", DType.F32)], new() { ["equation"] = "i,j->" }));
        using var model = Model.Create(new ModelDefinition(g.Graph));
        using var session = model.CreateSession();
        using var cancel = new CancellationTokenSource(50);
        var vector = Tensor.Allocate(DType.F32, new Shape(1 << 20));
        Assert.ThrowsAny<OperationCanceledException>(() => session.Run(new Dictionary<string, RuntimeValue> { ["a"] = vector, ["b"] = vector }, cancel.Token));
    }

    private static Tensor TestMatrix(int size)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(size, size));
        var random = new Random(size);
        foreach (ref float v in t.Span<float>()) v = random.NextSingle() - 0.5f;
        return t;
    }

    [Fact]
    public void Memory_over_the_limit_is_refused_before_it_is_taken()
    {
        using var model = Model.Create(new ModelDefinition(Networks.MobileNetV2(64)), new ModelOptions { MaxMemory = 16 << 20 });
        using var session = model.CreateSession();
        Assert.Throws<MemoryLimitException>(() => session.Run(new Dictionary<string, RuntimeValue> { ["x"] = Tensor.Allocate(DType.F32, new Shape(1, 3, 64, 64)) }));
    }

    [Fact]
    public void Sessions_share_a_pool_and_a_model()
    {
        string path = Repository.Models().First();
        using var pool = new Workers(2);
        using var model = Model.Load(path);
        var expected = Run();
        Parallel.For(0, 8, _ => Assert.Equal(expected, Run()));

        byte[] Run()
        {
            using var session = model.CreateSession(new SessionOptions { Pool = pool });
            var outputs = new RuntimeValue?[model.Outputs.Count];
            session.Run(Repository.Inputs(path, model), outputs);
            return ((Tensor)outputs[0]!).Bytes.ToArray();
        }
    }

    [Fact]
    public void A_host_adds_its_own_operator()
    {
        var operators = new OperatorRegistry(OperatorRegistry.Standard).Add("Double", a => new Double(a), "my.domain");
        var kernels = new KernelRegistry(CpuKernels.Standard).Add<Double>("my-double", (_, _) => (in StepContext c) =>
        {
            var x = c.In<float>(0);
            var y = c.Out<float>(0);
            for (int i = 0; i < x.Length; i++) y[i] = 2 * x[i];
        });
        var graph = Chain(operators.Create("my.domain", "Double", Attributes.None, "d"));
        using var model = Model.Create(new ModelDefinition(graph), new ModelOptions { Operators = operators, Kernels = kernels });
        using var session = model.CreateSession();
        float[] y = new float[2];
        session.Run<float, float>([1, 2], y);
        Assert.Equal([2, 4], y);
        Assert.Throws<UnsupportedException>(() => Model.Create(new ModelDefinition(Chain(new Double(Attributes.None)))));
    }

    private sealed class Double(Attributes a) : Operator(a)
    {
        public override string Name => "Double";

        public override string Domain => "my.domain";

        public override void Infer(InferContext c) => c.Set(0, c.In(0));
    }

    private static ModelGraph Elementwise(string op) => Chain(OperatorRegistry.Standard.Create("", op, new Attributes(13), op));

    private static ModelGraph Chain(Operator op)
    {
        var graph = new ModelGraph("test");
        var x = new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(-1, "N")]));
        var y = new Value("y");
        graph.Inputs.Add(x);
        graph.Nodes.Add(new Node("n", op, [x], [y]));
        graph.Outputs.Add(y);
        return graph;
    }
}
