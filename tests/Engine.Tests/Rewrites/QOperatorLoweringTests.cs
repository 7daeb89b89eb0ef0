using Engine.Bench;
using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

public class QOperatorLoweringTests
{
    private static Tensor Codes(Random random, DType type, params long[] dims)
    {
        var t = Tensor.Allocate(type, new Shape(dims));
        random.NextBytes(t.Bytes);
        return t;
    }

    // Two convolutions, a pool, a residual sum and a mean, all on codes; weights i8 or u8 whose codes less their zero points are s8.
    private static OnnxBuilder Network(int seed, DType code, DType weight, bool mean)
    {
        var random = new Random(seed);
        var b = new OnnxBuilder("codes");
        Tensor Zero(int unsigned) => code == DType.U8 ? Tensor.Scalar((byte)unsigned) : Tensor.Scalar((sbyte)(unsigned - 128));
        int grids = 0;
        string[] Grid(float scale, int zero) => [b.Constant($"scale{++grids}", () => Tensor.Scalar(scale)), b.Constant($"zero{grids}", () => Zero(zero))];
        string Conv(string x, string[] from, int inputs, int outputs, int kernel, string[] to)
        {
            var w = Codes(random, weight, outputs, inputs, kernel, kernel);
            var zero = Tensor.Allocate(weight, new Shape(outputs));
            if (weight == DType.U8)
            {
                // Codes from 20 on about 140.
                foreach (ref byte c in w.Bytes) c = (byte)(20 + c * 9 / 10);
                zero.Bytes.Fill(140);
            }
            Tensor scales = Tensor.Allocate(DType.F32, new Shape(outputs)), bias = Tensor.Allocate(DType.I32, new Shape(outputs));
            for (int i = 0; i < outputs; i++) (scales.Span<float>()[i], bias.Span<int>()[i]) = (0.002f + 0.004f * random.NextSingle(), random.Next(-2000, 2000));
            string name = $"conv{++grids}";
            return b.Node("QLinearConv", [x, .. from, b.Constant($"{name}.w", () => w), b.Constant($"{name}.s", () => scales), b.Constant($"{name}.z", () => zero), .. to, b.Constant($"{name}.b", () => bias)], ("pads", new long[] { 1, 1, 1, 1 }));
        }
        string[] gx = Grid(0.016f, 125), ga = Grid(0.05f, 0), gb = Grid(0.06f, 120), gy = Grid(0.08f, 3), gm = Grid(0.02f, 10);
        string x = b.Node("QuantizeLinear", [b.Input("x", 2, 3, 13, 11), .. gx]);
        string a = Conv(x, gx, 3, 10, 3, ga);
        string p = b.Node("MaxPool", [a], ("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 }));
        string sum = b.Node("com.microsoft.QLinearAdd", [a, .. ga, Conv(p, ga, 10, 10, 3, gb), .. gb, .. gy]);
        b.Node("DequantizeLinear", mean ? [b.Node("com.microsoft.QLinearGlobalAveragePool", [sum, .. gy, .. gm]), .. gm] : [sum, .. gy]);
        b.Output(b.Rename("y"), mean ? [2, 10, 1, 1] : [2, 10, 13, 11]);
        return b;
    }

    private static Tensor Run(ModelGraph graph, Tensor x, List<string> stems)
    {
        var outputs = new RuntimeValue?[1];
        new Executor(new Engine.Runtime.Program(graph, CpuKernels.Standard, new PackedWeights(), new PlanOptions()), Workers.Single, new ExecutorOptions { Poison = true, Planned = p => stems.AddRange(p.Steps.Select(s => s.Stem)) }).Run([x], outputs);
        return (Tensor)outputs[0]!;
    }

    [Theory]
    [InlineData(1, DType.U8, DType.I8, false)]
    [InlineData(2, DType.I8, DType.I8, false)]
    [InlineData(3, DType.U8, DType.U8, false)]
    [InlineData(4, DType.U8, DType.I8, true)]
    public void Operators_on_codes_run_as_wires_with_grids_and_give_the_same(int seed, DType code, DType weight, bool mean)
    {
        var x = Tensor.Allocate(DType.F32, new Shape(2, 3, 13, 11));
        var random = new Random(seed);
        foreach (ref float v in x.Span<float>()) v = random.NextSingle() * 4 - 2;
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(Network(seed, code, weight, mean).Graph, [x])[0];
        Assert.True(expected.Span<float>().ToArray().Distinct().Count() > 8);

        var graph = Network(seed, code, weight, mean).Graph;
        Rewriter.Run(graph, new RewriteContext(new NodeEvaluator(CpuKernels.Standard)), 2);

        Assert.DoesNotContain(graph.Nodes, n => n.Op.Name.StartsWith("QLinear", StringComparison.Ordinal) || n.Op.Name is "QuantizeLinear" or "DequantizeLinear");
        List<string> stems = [];
        var actual = Run(graph, x, stems);
        // Without vectors for codes, f32 is faster, and the planner knows; sums in f32 may fall on the other side of a tie, as a mean's one rounding may.
        bool codes = GemmU8S8.Table.Tier != "scalar";
        Assert.Null(ValueComparer.Compare(expected, actual, 0, !codes ? 0.081 : mean ? 0.021 : 0));
        if (!codes) return;
        Assert.Equal(2, stems.Count(s => s == "conv-u8s8"));
        Assert.Contains("max-pool-u8", stems);
        Assert.Contains("add-u8", stems);
    }

    [Fact]
    public void Codes_of_inputs_and_of_operators_that_stay_enter_and_leave_wires_with_grids()
    {
        OnnxBuilder Make()
        {
            var b = new OnnxBuilder("mixed");
            string[] grid = [b.Constant("scale", () => Tensor.Scalar(0.05f)), b.Constant("zero", () => Tensor.Scalar((byte)100))];
            var w = Codes(new Random(5), DType.I8, 8, 4, 3, 3);
            string conv = b.Node("QLinearConv", [b.Input("x", DType.U8, 1, 4, 9, 9), .. grid, b.Constant("w", () => w), b.Constant("ws", () => Tensor.Scalar(0.01f)), b.Constant("wz", () => Tensor.Scalar((sbyte)0)), .. grid]);
            b.Node("com.microsoft.QLinearSigmoid", [conv, .. grid, .. grid]);
            b.Output(b.Rename("y"), DType.U8, 1, 8, 7, 7);
            return b;
        }
        var x = Codes(new Random(6), DType.U8, 1, 4, 9, 9);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(Make().Graph, [x])[0];

        var graph = Make().Graph;
        Rewriter.Run(graph, new RewriteContext(new NodeEvaluator(CpuKernels.Standard)), 2);

        List<string> stems = [];
        var actual = Run(graph, x, stems);
        if (GemmU8S8.Table.Tier == "scalar") return;
        Assert.Null(ValueComparer.Compare(expected, actual, 0, 0));
        Assert.Equal(["reorder-codes", "conv-u8s8", "reorder-codes", "table-int8"], stems);
    }
}
