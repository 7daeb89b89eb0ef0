using Engine.Cpu;
using Engine.Formats.Data;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Habits;

/// <summary>What README.md and docs/add-an-op.md show, as methods. The package test compiles this file too.</summary>
public static class ReadmeExamples
{
    /// <summary>The class of the sample picture.</summary>
    public static int Classify(string repository)
    {
        // README
        using var model = Model.Load($"{repository}/bench/models/fashion-cnn/model.onnx");
        using var session = model.CreateSession(new SessionOptions { Threads = 2 });

        var picture = ImageFile.Read($"{repository}/bench/models/fashion-cnn/sample.png");
        var input = new ImagePreprocessing().Apply(picture);                 // f32[1,1,28,28], 0 to 1
        var outputs = session.Run(new Dictionary<string, RuntimeValue> { ["x"] = input });

        float[] logits = ((Tensor)outputs["logits"]).Span<float>().ToArray();
        int best = Array.IndexOf(logits, logits.Max());                      // 9: an ankle boot
        // END
        return best;
    }

    /// <summary>A run on caller-owned memory, which allocates nothing after the first.</summary>
    public static void RunInPlace(string repository)
    {
        using var model = Model.Load($"{repository}/bench/models/fashion-mlp/model.onnx");
        using var session = model.CreateSession();
        // README
        float[] pixels = new float[28 * 28], logits = new float[10];
        session.Run<float, float>(pixels, logits);                           // allocates nothing after the first run of a shape
        // END
        AssertEx.AllocatesNothing(() => session.Run<float, float>(pixels, logits));
    }

    /// <summary>The squares of some numbers, by an operator that the engine does not have.</summary>
    public static float[] RunOwnOperator(float[] numbers)
    {
        // OPERATOR
        var options = new ModelOptions
        {
            Operators = new OperatorRegistry(OperatorRegistry.Standard).Add("Square", a => new Square(a), "example"),
            Kernels = new KernelRegistry(CpuKernels.Standard).Add<Square>("square", Square.Bind),
        };
        // END
        var graph = new ModelGraph("squares");
        var type = new DeclaredType.Tensor(DType.F32, [new Dim(-1, "N")]);
        Value x = new("x", type), y = new("y", type);
        graph.Inputs.Add(x);
        graph.Outputs.Add(y);
        graph.Nodes.Add(new Node("square", options.Operators.Create("example", "Square", Attributes.None, "square"), [x], [y]));
        using var model = Model.Create(new ModelDefinition(graph), options);
        using var session = model.CreateSession();
        var result = new float[numbers.Length];
        session.Run<float, float>(numbers, result);
        return result;
    }

    // OPERATOR
    private sealed class Square(Attributes a) : Operator(a)
    {
        public override string Name => "Square";

        public override string Domain => "example";

        public override bool IsElementwise => true;

        public override void Infer(InferContext c)
        {
            c.Require(0, DType.F32);
            c.Set(0, c.In(0));
        }

        public static StepFn Bind(Square op, BindContext b) => static (in StepContext c) =>
        {
            var x = c.In<float>(0);
            var y = c.Out<float>(0);
            for (int i = 0; i < x.Length; i++) y[i] = x[i] * x[i];
        };
    }
    // END
}
