using System.Security.Cryptography;
using Engine.Formats;
using Engine.Formats.Checkpoints;
using Engine.Formats.Gguf;
using Engine.Tensors;

namespace Engine.Tests.Formats.Gguf;

public sealed class GgufFileTests
{
    private static GgufBytes Sample(uint version = 3) => new GgufBytes(version)
        .Key("general.architecture", 8, GgufBytes.Text("test"))
        .Key("u8", 0, 200).Key("i8", 1, 200).Key("u16", 2, GgufBytes.Number(60000, 2)).Key("i16", 3, GgufBytes.Number(-2, 2)).Key("u32", 4, GgufBytes.Number(4000000000, 4)).Key("i32", 5, GgufBytes.Number(-3, 4))
        .Key("f32", 6, BitConverter.GetBytes(1.5f)).Key("yes", 7, 1).Key("u64", 10, GgufBytes.Number(-1, 8)).Key("i64", 11, GgufBytes.Number(-4, 8)).Key("f64", 12, BitConverter.GetBytes(2.5))
        .Key("words", 9, GgufBytes.Array(8, 3, [.. GgufBytes.Text("a"), .. GgufBytes.Text(""), .. GgufBytes.Text("Übung")]))
        .Key("numbers", 9, GgufBytes.Array(5, 2, [.. GgufBytes.Number(7, 4), .. GgufBytes.Number(-7, 4)]))
        .Key("nested", 9, GgufBytes.Array(9, 2, [.. GgufBytes.Array(7, 1, 1), .. GgufBytes.Array(0, 0)]))
        .Tensor("dense", GgufType.F32, [.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(-2f), .. BitConverter.GetBytes(3f), .. BitConverter.GetBytes(4f), .. BitConverter.GetBytes(5f), .. BitConverter.GetBytes(6f)], 2, 3)
        .Tensor("codes", GgufType.Q8_0, GgufSamples.Random(GgufType.Q8_0, 4), 2, 64)
        .Tensor("books", GgufType.IQ2_XXS, new byte[66], 256);

    [Theory, InlineData(2u), InlineData(3u)]
    public void Reads_metadata_and_tensors(uint version)
    {
        var f = GgufFile.Read(Sample(version).Build());
        Assert.Equal((int)version, f.Version);
        Assert.Equal(32, f.Alignment);
        Assert.Equal([("general.architecture", (object)"test"), ("u8", (byte)200), ("i8", (sbyte)-56), ("u16", (ushort)60000), ("i16", (short)-2), ("u32", 4000000000u), ("i32", -3), ("f32", 1.5f), ("yes", true), ("u64", ulong.MaxValue), ("i64", -4L), ("f64", 2.5)],
            f.Metadata.Take(12).Select(p => (p.Key, p.Value)));
        Assert.Equal(["a", "", "Übung"], (IReadOnlyList<string>)f.Metadata["words"]);
        Assert.Equal([7, -7], (int[])f.Metadata["numbers"]);
        Assert.Equal([true], (bool[])((object[])f.Metadata["nested"])[0]);
        Assert.Equal(["dense F32 [2,3]", "codes Q8_0 [2,64]", "books IQ2_XXS [256]"], f.Tensors.Select(t => t.ToString()));
        Assert.Equal([1f, -2, 3, 4, 5, 6], f.Find("dense")!.ToWeight().Decode().Span<float>().ToArray());
        Assert.Equal("Quantized(8, g32)", f.Find("codes")!.ToWeight().Describe());
        Assert.Equal(4 * 34, f.Find("codes")!.Bytes);
        Assert.False(f.Find("books")!.IsReadable);
        Assert.Contains("'books' has type IQ2_XXS", Assert.Throws<UnsupportedException>(() => f.Find("books")!.ToWeight()).Message, StringComparison.Ordinal);
        Assert.Null(f.Find("none"));
    }

    // The first 64 bits of the SHA-256 of ggml's own values; the tests against ggml compare every value.
    [Theory]
    [InlineData(GgufType.Q4_0, "0712C4D888EE0563")]
    [InlineData(GgufType.Q4_1, "0DA6D7AE0B0F461E")]
    [InlineData(GgufType.Q5_0, "F7DB7F1A1786D880")]
    [InlineData(GgufType.Q5_1, "C9BA2EC2A11A62FA")]
    [InlineData(GgufType.Q8_0, "E9461924F19160CC")]
    [InlineData(GgufType.IQ4_NL, "85DD496374D1B715")]
    [InlineData(GgufType.MXFP4, "7DE4DE493CB90D2B")]
    [InlineData(GgufType.Q2_K, "A058152742DE3599")]
    [InlineData(GgufType.Q3_K, "CA80FAF95A3A1E90")]
    [InlineData(GgufType.Q4_K, "A063AB8E8BC0CE05")]
    [InlineData(GgufType.Q5_K, "33A6A178622BACD4")]
    [InlineData(GgufType.Q6_K, "974565777A195C24")]
    [InlineData(GgufType.IQ4_XS, "7692618066CA08E7")]
    [InlineData(GgufType.TQ1_0, "15433F7AD273185A")]
    [InlineData(GgufType.TQ2_0, "4B56C9563F7C84CF")]
    public void Blocks_decode_to_the_values_of_ggml(GgufType type, string expected)
    {
        const int blocks = 6;
        var shape = new Shape(2, blocks / 2 * type.BlockElements());
        var t = Assert.Single(GgufFile.Read(new GgufBytes().Tensor("t", type, GgufSamples.Random(type, blocks), [.. shape.Dims]).Build()).Tensors);
        var w = t.ToWeight();
        Assert.Equal(shape, w.Shape);
        var values = w.Decode();
        Assert.Equal(expected, Convert.ToHexString(SHA256.HashData(values.Bytes))[..16]);
    }

    [Fact]
    public void A_checkpoint_gives_its_tensors_as_weights()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, Sample().Build());
            var c = Checkpoint.Open([path]);
            Assert.Equal([("dense", "plain"), ("codes", "Q8_0"), ("books", "IQ2_XXS")], c.Names.Select(n => (n, c.LayoutOf(n)!)));
            Assert.Equal(GgufFile.Open(path).Find("codes")!.ToWeight().Decode().Bytes.ToArray(), c.Read("codes").Decode().Bytes.ToArray());
            Assert.Contains("given twice", Assert.Throws<InvalidModelException>(() => Checkpoint.Open([path, path])).Message, StringComparison.Ordinal);
            Assert.Equal(ModelFileKind.Gguf, ModelFile.KindOf(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    public static TheoryData<string, byte[]> Wrong => new()
    {
        { "does not begin with 'GGUF'", [.. "GGML"u8, .. Sample().Build()[4..]] },
        { "version 1 is not read", Sample(1).Build() },
        { "version 4 is not read", Sample(4).Build() },
        { "key 'a' stands twice", new GgufBytes().Key("a", 7, 1).Key("a", 7, 1).Build() },
        { "type 13, expected 0 to 12", new GgufBytes().Key("a", 13, 1).Build() },
        { "boolean of 2", new GgufBytes().Key("a", 7, 2).Build() },
        { "nested deeper than 4", new GgufBytes().Key("a", 9, Nest(6)).Build() },
        { "length of 'a' is 4611686018427387904", new GgufBytes().Key("a", 9, GgufBytes.Array(11, 1L << 62)).Build() },
        { "general.alignment is 3", new GgufBytes().Key("general.alignment", 4, GgufBytes.Number(3, 4)).Build() },
        { "general.alignment is 0", new GgufBytes().Key("general.alignment", 4, GgufBytes.Number(0, 4)).Build() },
        { "5 dimensions", new GgufBytes().Tensor("t", GgufType.I8, new byte[1], 1, 1, 1, 1, 1).Build() },
        { "unknown type 5", new GgufBytes().Tensor("t", 5, new byte[1], [1], null).Build() },
        { "rows of 33 elements, which blocks of 32 of type Q4_0 do not fill", new GgufBytes().Tensor("t", GgufType.Q4_0, new byte[36], 33).Build() },
        { "one element of type Q4_0", new GgufBytes().Tensor("t", GgufType.Q4_0, new byte[18]).Build() },
        { "does not fit in 63 bits", new GgufBytes().Tensor("t", GgufType.F32, new byte[4], 1L << 31, 1L << 31, 1L << 31).Build() },
        { "takes 4096 bytes at offset 0; the file has 4 bytes", new GgufBytes().Tensor("t", GgufType.F32, new byte[4], 1024).Build() },
        { "offset 4, which is no multiple of 32", new GgufBytes().Tensor("t", 0, new byte[64], [1], 4).Build() },
        { "the tensor 't' stands twice", new GgufBytes().Tensor("t", GgufType.F32, new byte[4], 1).Tensor("t", GgufType.F32, new byte[4], 1).Build() },
        { "overlaps 'a', which ends at 64", new GgufBytes().Tensor("a", GgufType.F32, new byte[64], 16).Tensor("b", 0, new byte[64], [16], 32).Build() },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void Refuses_with_the_reason(string reason, byte[] file)
    {
        var e = Assert.Throws<InvalidModelException>(() => GgufFile.Read(file, "m.gguf"));
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.StartsWith("m.gguf: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Big_endian_files_are_named_as_such() => Assert.Contains("big-endian", Assert.Throws<UnsupportedException>(() => GgufFile.Read("FUGG"u8.ToArray())).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_is_mapped_or_read()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, Sample().Build());
            foreach (long from in new[] { 0L, long.MaxValue })
                Assert.Equal(6, GgufFile.Open(path, new ModelReadOptions { MapFrom = from }).Find("dense")!.ToWeight().Decode().Span<float>()[5]);
        }
        finally
        {
            File.Delete(path);
        }
        Assert.Throws<InvalidModelException>(() => GgufFile.Open(path));
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        Mutations.Truncations<InvalidModelException>(Sample().Build(), Use);
        Use(Sample().Build());
    }

    // Names, metadata and codes may be anything.
    [Fact]
    public void Every_flipped_bit_gives_a_typed_error_or_values()
    {
        byte[] file = Sample().Build();
        Assert.InRange(Mutations.BitFlips<EngineException>(file, Use), file.Length * 2, file.Length * 7);
    }

    private static void Use(byte[] file)
    {
        var f = GgufFile.Read(file);
        foreach (object v in f.Metadata.Values) if (v is IReadOnlyList<string> s) Assert.Equal(s.Count, s.Select(x => x.Length).Count());
        foreach (var t in f.Tensors) if (t.IsReadable) t.ToWeight().Decode();
    }

    private static byte[] Nest(int depth) => depth == 0 ? GgufBytes.Array(0, 0) : GgufBytes.Array(9, 1, Nest(depth - 1));
}
