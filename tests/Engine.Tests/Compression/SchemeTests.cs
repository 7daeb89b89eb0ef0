using Engine.Compression;
using Engine.Tensors;

namespace Engine.Tests.Compression;

public sealed class SchemeTests
{
    [Theory]
    [InlineData("float", 32, 0)]
    [InlineData("int8", 8, 0)]
    [InlineData("w8", 8, 0)]
    [InlineData("w8-g64", 8, 64)]
    [InlineData("int4", 4, 32)]
    [InlineData("int4-g128-asym", 4, 128)]
    [InlineData("int3-channel", 3, 0)]
    [InlineData("ternary", 2, 32)]
    [InlineData("sign-g64", 1, 64)]
    [InlineData("nf4", 4, 32)]
    [InlineData("mxfp4", 4, 32)]
    public void Notation_comes_back(string text, int bits, int group)
    {
        var s = Scheme.Parse(text);
        Assert.Equal((bits, group, text), (s.Bits, s.Group, s.ToString()));
    }

    [Theory]
    [InlineData("2:4")]
    [InlineData("1:4+int8")]
    [InlineData("4:8+w8")]
    [InlineData("2:4+int4-g64")]
    [InlineData("4:16+ternary-channel")]
    [InlineData("sparse:0.9")]
    [InlineData("sparse:0.75x8x4")]
    [InlineData("sparse:0.9+int8")]
    [InlineData("sparse:0.75x8x4+w8")]
    [InlineData("low-rank:50%+2:4")]
    [InlineData("low-rank:64+2:4+int8")]
    public void Zeros_are_written_before_codes_and_behind_factors(string text)
    {
        var s = Scheme.Parse(text);
        Assert.Equal(text, s.ToString());
        Assert.NotNull(s.Sparsity);
        Assert.False(s.IsFloat);
        Assert.Null(s.Dense.Sparsity);
        Assert.Equal(s, Scheme.Parse(s.Codes.ToString()) with { Factors = s.Factors });
    }

    [Theory]
    [InlineData("4:2", "'4:2'")]
    [InlineData("0:4", "'0:4'")]
    [InlineData("2:5", "'2:5'")]
    [InlineData("2:4+nf4", "integers")]
    [InlineData("2:4+int4-asym", "integers")]
    [InlineData("4:16+int4-g8", "whole 16s")]
    [InlineData("int8+2:4", "'int8+2:4'")]
    [InlineData("2:4+4:8", "'4:8'")]
    [InlineData("2:4+low-rank:8", "'low-rank:8'")]
    [InlineData("sparse:1", "'sparse:1'")]
    [InlineData("sparse:0.9x8", "'sparse:0.9x8'")]
    [InlineData("sparse:0.9x0x4", "'sparse:0.9x0x4'")]
    [InlineData("sparse:0.9+int4", "codes of 8 bits")]
    [InlineData("sparse:0.9x8x4+w8-g32", "codes of 8 bits")]
    public void Zeros_that_nothing_holds_are_refused(string text, string says) => Assert.Contains(says, Assert.Throws<InputException>(() => Scheme.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("int9")]
    [InlineData("int1")]
    [InlineData("int4-g7")]
    [InlineData("int4-g4096")]
    [InlineData("int8-g32")]
    [InlineData("mxfp4-g16")]
    [InlineData("nf4-asym")]
    [InlineData("float-channel")]
    public void Others_are_refused(string text) => Assert.Contains($"'{text}'", Assert.Throws<InputException>(() => Scheme.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_policy_names_layers_by_pattern()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, """{"default": "int4", "last": "w8", "layers": {"fc?": "int3", "*": "nf4"}}""");
            var p = Policy.Read(path);
            Assert.Equal(("int4", "w8", "fc?", "nf4"), (p.Default!.ToString(), p.Last!.ToString(), p.Layers[0].Pattern, p.Layers[1].Scheme.ToString()));
            foreach (string bad in (string[])["{\"defualt\": \"int4\"}", "{\"default\": \"int99\"}", "{\"default\": 4}", "[]", "{"])
            {
                File.WriteAllText(path, bad);
                Assert.Contains(path, Assert.Throws<DataFormatException>(() => Policy.Read(path)).Message, StringComparison.Ordinal);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }
}
