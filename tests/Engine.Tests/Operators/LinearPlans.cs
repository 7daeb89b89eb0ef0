using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>A product with a weight in some form, a bias and a ReLU, and what a plan makes of it.</summary>
internal static class LinearPlans
{
    /// <summary>Kernels of products with those whose stems begin so before all others, in the order of their estimates: for tests of kernels, not of choices.</summary>
    public static KernelRegistry Preferring(string prefix) => Preferring(stem => stem.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>The same for the stems that <paramref name="first"/> holds for.</summary>
    public static KernelRegistry Preferring(Func<string, bool> first)
    {
        IEnumerable<Candidate> First(NodeTypes n) => CpuKernels.Standard.Candidates(n).Where(c => first(c.Stem)).Select(c => c with { Nanoseconds = c.Nanoseconds - 1e12 });
        return new KernelRegistry(CpuKernels.Standard).Extend<Gemm>((_, n) => First(n)).Extend<FusedMatMul>((_, n) => First(n)).Extend<MatMul>((_, n) => First(n)).Extend<Conv>((_, n) => First(n));
    }

    /// <summary>x [rows, inputs] · w, + bias, ReLU: y.</summary>
    public static ModelGraph Product(Weight w, int rows, int inputs, bool transposed, bool consent, Tensor bias)
    {
        var graph = new ModelGraph("g");
        var (x, y, product) = (new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(rows), new Dim(inputs)])), new Value("y"), new Value("product"));
        graph.Inputs.Add(x);
        graph.Outputs.Add(y);
        var attributes = new Dictionary<string, object> { ["transB"] = transposed ? 0L : 1L, ["accuracy_level"] = consent ? 4L : 0L };
        graph.Nodes.Add(new Node("n", OperatorRegistry.Standard.Create("", "Gemm", new Attributes(13, attributes) { InputCount = 3 }, "n"), [x, new Value("w") { Constant = w }, Value.Of("b", bias)], [product]));
        graph.Nodes.Add(new Node("a", OperatorRegistry.Standard.Create("", "Relu", new Attributes(14) { InputCount = 1 }, "a"), [product], [y]));
        return graph;
    }

    /// <summary>Runs the plan with dead memory poisoned; stems of its steps and the first output. Kernels whose stems begin with <paramref name="prefer"/> come first.</summary>
    public static (List<string> Stems, Tensor Y) Plan(ModelGraph graph, Tensor x, int threads, string prefer = "")
    {
        var (steps, y) = Steps(graph, x, threads, prefer);
        return (steps.ConvertAll(s => s.Stem), y);
    }

    /// <summary>The same with the steps.</summary>
    public static (List<PlanStep> Steps, Tensor Y) Steps(ModelGraph graph, Tensor x, int threads, string prefer = "")
    {
        List<PlanStep> steps = [];
        var program = new Runtime.Program(graph, prefer.Length == 0 ? CpuKernels.Standard : Preferring(prefer), new PackedWeights(), new PlanOptions());
        using var workers = new Workers(threads);
        var outputs = new RuntimeValue?[1];
        new Executor(program, workers, new ExecutorOptions { Poison = true, Planned = p => steps.AddRange(p.Steps) }).Run([x], outputs);
        return (steps, ((Tensor)outputs[0]!).Clone());
    }
}
