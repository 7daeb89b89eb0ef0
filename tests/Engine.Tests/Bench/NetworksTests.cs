using System.Security.Cryptography;
using Engine.Bench;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Bench;

/// <summary>Generated networks: known sizes, the same bytes every time, plans that give what the nodes give.</summary>
public sealed class NetworksTests
{
    [Theory]
    [InlineData("resnet18", 11_684_712)]
    [InlineData("resnet50", 25_530_472)]
    [InlineData("mobilenetv2", 3_487_816)]
    [InlineData("encoder", 7_087_872)]
    public void Have_the_parameters_of_the_papers_with_batch_norms_folded(string name, long parameters)
    {
        using var bytes = new MemoryStream();
        NetworksCommand.All[name]().Write(bytes);
        var graph = OnnxModelReader.Load(bytes.ToArray()).Graph;
        Assert.Equal(parameters, graph.Constants.Distinct().Sum(c => c.Constant!.DType == DType.F32 && c.Constant.Shape.Rank > 0 ? c.Constant.Shape.Elements : 0));
        Assert.All(graph.Outputs, o => Assert.NotNull(o.Declared));
    }

    [Fact]
    public void Are_the_same_bytes_every_time()
    {
        static string Hash()
        {
            using var bytes = new MemoryStream();
            ConvNetworks.MobileNetV2(32).Write(bytes);
            return Convert.ToHexString(SHA256.HashData(bytes.ToArray()));
        }
        Assert.Equal(Hash(), Hash());
    }

    [Theory]
    [InlineData("resnet18", new[] { "conv-u8s8", "max-pool-u8", "add-u8", "global-average-pool-u8", "gemm-u8s8" })]
    [InlineData("mobilenetv2", new[] { "conv-u8s8", "conv-depthwise-u8s8", "add-u8", "global-average-pool-u8", "gemm-u8s8" })]
    public void Quantized_networks_run_on_codes_from_end_to_end(string name, string[] stems)
    {
        ModelGraph Graph() => name == "resnet18" ? Networks.ResNet18(96, quantized: true) : Networks.MobileNetV2(96, quantized: true);
        using var model = Model.Create(new ModelDefinition(Graph()));
        using var session = model.CreateSession(new SessionOptions { Threads = 2 });
        var x = Tensor.Allocate(DType.F32, model.Inputs[0].StaticShape!.Value);
        var random = new Random(3);
        foreach (ref float v in x.Span<float>()) v = (float)(random.NextDouble() * 4 - 2);
        var inputs = new Dictionary<string, RuntimeValue> { ["x"] = x };
        var actual = Assert.Single(session.Run(inputs)).Value;

        var steps = model.Plan(inputs).Steps;
        // Without vectors for codes, f32 is faster, and the planner knows.
        if (ConvDepthwiseU8S8.Table.Tier != "scalar" && GemmU8S8.Table.Tier != "scalar")
        {
            Assert.Equal(stems.Order(), steps.Where(s => s.Operator != "Convert").Select(s => s.Stem).Distinct().Order());
            // The picture is rounded, and the last means change their order.
            Assert.Equal(2, steps.Count(s => s.Operator == "Convert"));
        }
        var expected = Assert.Single(new Interpreter(Cpu.CpuKernels.Standard).Run(Graph(), [x], default));
        float[] values = ((Tensor)expected).Span<float>().ToArray();
        Assert.True(values.Distinct().Count() > 100);
        // Sums in f32 fall on the other side of a tie about once in 100,000 codes, and with random weights a code that differs moves many later ones.
        Assert.Null(ValueComparer.Compare(expected, actual, 0, 0.2 * values.Max(Math.Abs)));
    }

    [Fact]
    public void Integer_only_plans_stay_near_those_with_factors_in_binary32()
    {
        using var standard = Model.Create(new ModelDefinition(Networks.ResNet18(96, quantized: true)));
        using var integers = Model.Create(new ModelDefinition(Networks.ResNet18(96, quantized: true)), new ModelOptions { Kernels = Cpu.CpuKernels.IntegerOnly });
        var x = Tensor.Allocate(DType.F32, standard.Inputs[0].StaticShape!.Value);
        var random = new Random(4);
        foreach (ref float v in x.Span<float>()) v = (float)(random.NextDouble() * 4 - 2);
        var inputs = new Dictionary<string, RuntimeValue> { ["x"] = x };
        using var first = standard.CreateSession();
        using var second = integers.CreateSession();
        var expected = (Tensor)Assert.Single(first.Run(inputs)).Value;
        if (GemmU8S8.Table.Tier != "scalar") Assert.Contains("add-dyadic-u8", integers.Plan(inputs).Steps.Select(s => s.Stem));
        Assert.Null(ValueComparer.Compare(expected, Assert.Single(second.Run(inputs)).Value, 0, 0.2 * expected.Span<float>().ToArray().Max(Math.Abs)));
    }

    [Theory]
    [InlineData("birealnet18", 16)]
    [InlineData("vggsmall", 5)]
    [InlineData("quicknet", 16)]
    public void Binary_networks_give_what_their_float_graphs_give(string name, int layers)
    {
        using var bytes = new MemoryStream();
        (name switch { "birealnet18" => BinaryBodies.BiRealNet18(name, LayerForm.Signs, 32), "vggsmall" => BinaryBodies.VggSmall(name, LayerForm.Signs, 16), _ => BinaryBodies.QuickNet(name, LayerForm.Signs, 32) }).Write(bytes);
        using var model = Model.Create(OnnxModelReader.Load(bytes.ToArray()));
        var notes = model.Rewrites.SelectMany(r => r.Notes).ToList();
        Assert.Equal(layers, notes.Count(n => n.Outcome.StartsWith("binary", StringComparison.Ordinal)));
        using var session = model.CreateSession(new SessionOptions { Threads = 2 });
        var graph = OnnxModelReader.Load(bytes.ToArray()).Graph;
        var random = new Random(3);
        var x = Tensor.Allocate(DType.F32, model.Inputs[0].StaticShape!.Value);
        // Without vectors other kernels win, in other orders of memory.
        if (GemmBinary.Table.Tier != "scalar") Assert.InRange(model.Plan(new Dictionary<string, RuntimeValue> { ["x"] = x }).Steps.Count(s => s.Operator == "Convert" && (s.Stem.Contains("plain", StringComparison.Ordinal) || s.Stem.Contains("blocked", StringComparison.Ordinal))), 0, name == "vggsmall" ? 1 : 0);
        for (int picture = 0; picture < 2; picture++)
        {
            foreach (ref float v in x.Span<float>()) v = (float)(random.NextDouble() * 2 - 1);
            var inputs = new Dictionary<string, RuntimeValue> { ["x"] = x };
            var actual = (Tensor)Assert.Single(session.Run(inputs)).Value;
            // A sign flips only where what it is taken of is 0 up to rounding; one would move all results by far more than this.
            var expected = (Tensor)Assert.Single(new Interpreter(Cpu.CpuKernels.Standard).Run(graph, [x], default));
            Assert.Null(ValueComparer.Compare(expected, actual, 1e-4, 1e-4));
            Assert.True(expected.Span<float>().ToArray().Distinct().Count() >= 10);
        }
    }

    [Theory]
    [InlineData("resnet18")]
    [InlineData("mobilenetv2")]
    [InlineData("encoder")]
    public void Plans_give_what_the_nodes_give(string name)
    {
        ModelGraph Graph() => name switch { "resnet18" => Networks.ResNet18(64), "mobilenetv2" => Networks.MobileNetV2(64), _ => Networks.Encoder(48, 4, 10, 96) };
        using var planned = Model.Create(new ModelDefinition(Graph()));
        using var session = planned.CreateSession(new SessionOptions { Threads = 2 });
        var x = Tensor.Allocate(DType.F32, planned.Inputs[0].StaticShape!.Value);
        var random = new Random(3);
        foreach (ref float v in x.Span<float>()) v = (float)(random.NextDouble() * 2 - 1);
        var actual = Assert.Single(session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x })).Value;
        var expected = Assert.Single(new Interpreter(Cpu.CpuKernels.Standard).Run(Graph(), [x], default));
        float[] values = ((Tensor)expected).Span<float>().ToArray();
        Assert.All(values, v => Assert.True(float.IsFinite(v)));
        Assert.InRange(values.Max(Math.Abs), 0.1f, 100f);
        Assert.Null(ValueComparer.Compare(expected, actual, 1e-4, 1e-4 * values.Max(Math.Abs)));
    }
}
