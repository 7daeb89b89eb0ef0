using System.Security.Cryptography;
using Engine.Bench;
using Engine.Formats.Onnx;
using Engine.Graph;
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
