using System.Security.Cryptography;
using Engine.Formats.Gguf;
using Engine.Peers;
using Engine.Tensors;
using Engine.Tests.Formats.Gguf;

namespace Engine.PeerTests;

/// <summary>GGUF blocks against ggml's own dequantization, bit for bit.</summary>
public sealed class GgufTests(Xunit.Abstractions.ITestOutputHelper output)
{
    public static TheoryData<GgufType> Types => [.. GgufSamples.Blocks];

    [GgmlTheory, MemberData(nameof(Types))]
    public void Random_blocks_decode_as_in_ggml(GgufType type)
    {
        Assert.Equal((type.BlockElements(), type.BlockBytes()), GgmlBlocks.Size((int)type));
        Compare(type, GgufSamples.Random(type, 600));
        output.WriteLine($"{type}: {Convert.ToHexString(SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(GgmlBlocks.Dequantize((int)type, GgufSamples.Random(type, 6)))))[..16]}");
    }

    [GgmlTheory, MemberData(nameof(Types))]
    public void Blocks_that_ggml_made_decode_as_in_ggml(GgufType type)
    {
        var random = new Random(5);
        float[] x = new float[256 * 64];
        for (int i = 0; i < x.Length; i++) x[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())) * 0.02f;
        byte[] blocks = Assert.IsType<byte[]>(GgmlBlocks.Quantize((int)type, x));
        var y = Compare(type, blocks);
        double error = 0, power = 0;
        for (int i = 0; i < x.Length; i++) (error, power) = (error + (x[i] - y[i]) * (x[i] - y[i]), power + x[i] * x[i]);
        // Ternary codes lose most of a normal distribution.
        Assert.InRange(Math.Sqrt(error / power), 0.001, 1);
    }

    [GgmlTheory, InlineData(0)]
    public void Every_type_has_the_block_of_ggml(int first)
    {
        for (int t = first; t < 40; t++)
            if (Enum.IsDefined((GgufType)t)) Assert.Equal(GgmlBlocks.Size(t), (((GgufType)t).BlockElements(), ((GgufType)t).BlockBytes()));
    }

    private static float[] Compare(GgufType type, byte[] blocks)
    {
        float[] expected = GgmlBlocks.Dequantize((int)type, blocks);
        var file = GgufFile.Read(new GgufBytes().Tensor("t", type, blocks, 2, expected.Length / 2).Build());
        var actual = file.Tensors[0].ToWeight().Decode().Span<float>();
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(BitConverter.SingleToUInt32Bits(expected[i]) == BitConverter.SingleToUInt32Bits(actual[i]), $"{type} element {i}: {expected[i]:r} of ggml, {actual[i]:r} here");
        return expected;
    }
}
