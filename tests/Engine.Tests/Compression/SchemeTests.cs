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
