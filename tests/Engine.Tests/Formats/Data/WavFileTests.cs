using System.Buffers.Binary;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Tests.Formats.Data;

public class WavFileTests
{
    private static byte[] Make(int tag, int channels, int bits, byte[] samples, bool extensible = false, byte[]? before = null)
    {
        byte[] U16(int v) => [(byte)v, (byte)(v >> 8)];
        byte[] U32(int v) => [.. U16(v), .. U16(v >> 16)];
        int align = channels * bits / 8;
        byte[] format = [.. U16(extensible ? 0xFFFE : tag), .. U16(channels), .. U32(16000), .. U32(16000 * align), .. U16(align), .. U16(bits)];
        if (extensible) format = [.. format, .. U16(22), .. U16(bits), .. U32(0), .. U16(tag), .. new byte[14]];
        byte[] body = [.. "WAVE"u8, .. before ?? [], .. "fmt "u8, .. U32(format.Length), .. format, .. "data"u8, .. U32(samples.Length), .. samples];
        return [.. "RIFF"u8, .. U32(body.Length), .. body];
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(1, 16)]
    [InlineData(1, 24)]
    [InlineData(1, 32)]
    [InlineData(3, 32)]
    [InlineData(3, 64)]
    public void Reads_every_sample_format(int tag, int bits)
    {
        double[] values = [0, 0.5, -0.5, -1];
        byte[] samples = [.. values.SelectMany(v =>
        {
            if (tag == 3) return bits == 32 ? BitConverter.GetBytes((float)v) : BitConverter.GetBytes(v);
            long n = (long)(v * (1L << (bits - 1))) + (bits == 8 ? 128 : 0);
            return BitConverter.GetBytes(n)[..(bits / 8)];
        })];
        foreach (bool extensible in (bool[])[false, true])
        {
            var s = WavFile.Parse(Make(tag, 2, bits, samples, extensible));
            Assert.Equal(16000, s.SampleRate);
            Assert.Equal(2, s.Channels);
            Assert.Equal(new Shape(2, 2), s.Samples.Shape);
            Assert.Equal([0, -0.5f, 0.5f, -1], s.Samples.Span<float>().ToArray());
        }
    }

    [Fact]
    public void Skips_other_chunks_with_their_padding()
    {
        var s = WavFile.Parse(Make(1, 1, 8, [128, 255], before: [.. "LIST"u8, 3, 0, 0, 0, 1, 2, 3, 0]));
        Assert.Equal([0, 127 / 128f], s.Samples.Span<float>().ToArray());
    }

    [Fact]
    public void Reads_to_the_end_when_a_pipe_left_the_size_open()
    {
        var b = Make(1, 1, 16, [0, 0, 0, 64]);
        BinaryPrimitives.WriteUInt32LittleEndian(b.AsSpan(40), uint.MaxValue);
        Assert.Equal([0, 0.5f], WavFile.Parse(b).Samples.Span<float>().ToArray());
    }

    [Fact]
    public void Refuses_truncation_at_every_length() => Mutations.Truncations<DataFormatException>(Make(1, 2, 24, new byte[36], true, [.. "LIST"u8, 2, 0, 0, 0, 1, 2]), b => WavFile.Parse(b, "x.wav", Mutations.Limit));

    [Fact]
    public void Survives_every_bit_flip() => Mutations.BitFlips<DataFormatException>(Make(1, 2, 24, new byte[36], true, [.. "LIST"u8, 2, 0, 0, 0, 1, 2]), b => WavFile.Parse(b, "x.wav", Mutations.Limit));

    [Theory]
    [InlineData(2, 1, 4, "format")]
    [InlineData(1, 0, 16, "channels")]
    [InlineData(1, 1, 12, "bits")]
    [InlineData(3, 1, 16, "bits")]
    public void Refuses_other_formats(int tag, int channels, int bits, string because) =>
        Assert.Contains(because, Assert.Throws<DataFormatException>(() => WavFile.Parse(Make(tag, channels, bits, [0, 0]))).Message, StringComparison.Ordinal);
}
