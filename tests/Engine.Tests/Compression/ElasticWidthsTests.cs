using Engine.Compression;
using Engine.Cpu;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Groups of channels found in ordinary networks.</summary>
public class ElasticWidthsTests
{
    [Theory]
    [InlineData(0.25)]
    [InlineData(0.5)]
    [InlineData(0.75)]
    public void A_network_made_elastic_runs_at_every_width_and_gives_the_bits_of_the_part_stored_alone(double width)
    {
        foreach (var graph in (ModelGraph[])[Networks.ResNet18(32), Networks.MobileNetV2(32)])
        {
            using var model = Model.Create(ElasticWidths.Describe(new ModelDefinition(graph) { Opsets = new Dictionary<string, int> { [""] = 13 } }, CpuKernels.Standard));
            Assert.InRange(model.Elastic.Widths.Count, 8, 40);
            Assert.All(model.Elastic.Widths, w => Assert.True(w.Cuts.Count >= 2 && w.Choices.Count >= 2));
            var part = model.Select(width: width);
            Assert.All(model.Elastic.Widths, w => Assert.InRange(part.Width[w.Name], 1, Math.Max(w.Choices[0], (int)(w.Whole * width))));
            var inputs = new Dictionary<string, RuntimeValue> { ["x"] = Tensor.From(new Shape(1, 3, 32, 32), TestData.Floats(3 * 1024, 5)) };
            using var session = model.CreateSession(new SessionOptions { SubNetwork = part });
            var actual = (Tensor)session.Run(inputs).Values.Single();
            using var alone = Model.Create(part.Extract());
            Assert.True(alone.Parameters < model.Parameters);
            using var reference = alone.CreateSession();
            Assert.True(((Tensor)reference.Run(inputs).Values.Single()).Bytes.SequenceEqual(actual.Bytes));
        }
    }

    [Fact]
    public void A_network_without_channels_to_cut_is_refused()
    {
        var b = new GraphBuilder();
        var x = new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(2), new Dim(8)]));
        b.Graph.Inputs.Add(x);
        b.Output(b.Op("Relu", 14, [b.Op("MatMul", 13, [x, b.Constant(Tensor.From(new Shape(8, 8), TestData.Floats(64, 1)))])]));
        Assert.Contains("no group of 32", Assert.Throws<InputException>(() => ElasticWidths.Describe(new ModelDefinition(b.Graph), CpuKernels.Standard)).Message, StringComparison.Ordinal);
    }
}
