using Engine.Formats.Safetensors;
using Engine.Tensors;

namespace Engine.Tests.Formats.Safetensors;

/// <summary>The container: what is read, and every rule that a file may break.</summary>
public class SafetensorsFileTests
{
    [Fact]
    public void Tensors_and_metadata_are_read()
    {
        byte[] bytes = new SafetensorsBytes().Metadata("format", "pt \\u00e4 \\\"quoted\\\"").Add("a", "F32", [2, 2], 1f, 2, 3, 4).Add("b", "I64", [], 7L).Add<byte>("empty", "U8", [0]).Add("c", "BOOL", [3], (byte)0, (byte)1, (byte)9)
            .Add("d", "F8_E8M0", [2], (byte)127, (byte)3).ToArray();
        var f = SafetensorsFile.Open(bytes);
        Assert.Equal("pt ä \"quoted\"", f.Metadata["format"]);
        Assert.Equal(["a", "b", "empty", "c", "d"], f.Entries.Select(e => e.Name));
        Assert.Equal([1f, 2, 3, 4], f.Read("a").Span<float>().ToArray());
        Assert.Equal((new Shape(2, 2), 7L), (f.Read("a").Shape, f.Read("b").Span<long>()[0]));
        Assert.Equal(0, f.Read("empty").ByteLength);
        Assert.Equal([0, 1, 1], f.Read("c").Bytes.ToArray());
        Assert.Equal(DType.U8, f.Read("d").DType);
        Assert.Throws<InvalidModelException>(() => f.Read("e"));
    }

    private const string Good = "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}";

    [Theory]
    [InlineData("{" + Good + "}", null)]
    [InlineData(" {" + Good + "}", "start with '{'")]
    [InlineData("{" + Good + "," + Good + "}", "Duplicate")]
    [InlineData("{" + Good + "}}", "JSON")]
    [InlineData("[1,2]", "start with '{'")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", "end at byte")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[1,4]}}", "no holes")]
    [InlineData("{" + Good + ",\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}", "no overlaps")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[0,5]}}", "of 4 bytes")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", "lies at")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[-4,0]}}", "lies at")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,4]}}", "takes 128 bits")]
    [InlineData("{\"a\":{\"dtype\":\"F4\",\"shape\":[7],\"data_offsets\":[0,4]}}", "takes 28 bits")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,4]}}", "'a'")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[-4],\"data_offsets\":[0,4]}}", "negative")]
    [InlineData("{\"a\":{\"dtype\":\"Q7\",\"shape\":[4],\"data_offsets\":[0,4]}}", "Q7")]
    [InlineData("{\"a\":{\"shape\":[4],\"data_offsets\":[0,4]}}", "'dtype' is missing")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4.5],\"data_offsets\":[0,4]}}", "expected an integer")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":4,\"data_offsets\":[0,4]}}", "expected a list")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4,4]}}", "two numbers")]
    [InlineData("{\"a\":[1]}", "an object with")]
    [InlineData("{\"__metadata__\":{\"k\":1}," + Good + "}", "no string")]
    [InlineData("{\"__metadata__\":{\"k\":\"\\ud800\"}," + Good + "}", "valid text")]
    [InlineData("{\"\\ud800\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", "valid")]
    public void Each_rule(string header, string? fault)
    {
        byte[] file = SafetensorsBytes.File(header, 1, 2, 3, 4);
        if (fault is null) Assert.Equal([1, 2, 3, 4], SafetensorsFile.Open(file).Read("a").Bytes.ToArray());
        else Assert.Contains(fault, Assert.Throws<InvalidModelException>(() => SafetensorsFile.Open(file, name: "x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_longer_than_the_limit_or_the_file()
    {
        byte[] file = SafetensorsBytes.File("{" + Good + "}", 1, 2, 3, 4);
        foreach (long length in new[] { 0L, 1, file.Length - 7, 100_000_001, long.MaxValue, -1 })
        {
            BitConverter.TryWriteBytes(file, length);
            Assert.Throws<InvalidModelException>(() => SafetensorsFile.Open(file));
        }
        for (int n = 0; n < 10; n++) Assert.Throws<InvalidModelException>(() => SafetensorsFile.Open(new byte[n]));
    }

    [Fact]
    public void Numbers_by_the_million_are_refused_before_they_are_parsed()
    {
        string header = "{\"a\":{\"dtype\":\"U8\",\"shape\":[" + string.Join(',', Enumerable.Repeat("1", 8 << 20)) + "],\"data_offsets\":[0,1]}}";
        Assert.Throws<MemoryLimitException>(() => SafetensorsFile.Open(SafetensorsBytes.File(header, 1)));
        Assert.Throws<InvalidModelException>(() => SafetensorsFile.Open(SafetensorsBytes.File(new string('[', 100_000))));
        Assert.Throws<InvalidModelException>(() => SafetensorsFile.Open(SafetensorsBytes.File("{\"a\":" + new string('[', 100_000))));
    }
}
