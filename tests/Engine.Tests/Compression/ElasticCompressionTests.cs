using Engine.Compression;
using Engine.Tensors;

namespace Engine.Tests.Compression;

/// <summary>Networks with elastic dimensions keep those that their compressed form still has, and say which they lost.</summary>
public class ElasticCompressionTests
{
    private const string Nested = "fashion-nested";

    [Theory]
    [InlineData("int8", "kernel stem")]
    [InlineData("w8", "kernel stem")]
    [InlineData("2:4", "")]
    [InlineData("low-rank:8", "width one, width two, kernel stem")]
    [InlineData("float", "")]
    public void Parts_of_a_compressed_network_give_the_bits_of_the_part_stored_alone(string scheme, string lost)
    {
        var data = CompressionJobs.Samples(Nested);
        var compressed = CompressionJobs.Compress(Nested, new CompressionOptions { Scheme = Scheme.Parse(scheme), Method = RoundingMethod.Nearest, SparseForms = scheme != "2:4" });
        Assert.Equal(lost, string.Join(", ", compressed.Inelastic));
        using var model = Model.Load(CompressionJobs.EngineBytes(compressed));
        Assert.Equal(5 - compressed.Inelastic.Count, model.Elastic.All.Count);
        var part = model.Select(width: model.Elastic.Widths.Count > 0 ? 0.5 : null, depth: 1);
        using var session = model.CreateSession(new SessionOptions { SubNetwork = part });
        using var alone = Model.Create(part.Extract());
        using var reference = alone.CreateSession();
        Assert.Equal(((Tensor)reference.Run(data.Inputs[0]).Values.Single()).Span<float>().ToArray(), ((Tensor)session.Run(data.Inputs[0]).Values.Single()).Span<float>().ToArray());
    }

    [Fact]
    public void Onnx_files_name_codes_otherwise()
    {
        var compressed = CompressionJobs.Compress(Nested, new CompressionOptions { Scheme = Scheme.Int8, SparseForms = false });
        Assert.Equal(["width one", "width two", "kernel stem"], compressed.Inelastic);
        using var model = Model.Load(CompressionJobs.Bytes(compressed));
        Assert.Equal(["one", "two"], model.Elastic.All.Select(d => d.Name));
        Assert.All(model.Elastic.All, d => Assert.Equal("depth", d.Kind));
        using var session = model.CreateSession(new SessionOptions { SubNetwork = model.Select(depth: 0) });
        Assert.Equal(10, ((Tensor)session.Run(CompressionJobs.Samples(Nested).Inputs[0]).Values.Single()).Shape[1]);
    }
}
