using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>Sound: samples in [−1, 1] as f32 [channels, samples].</summary>
public sealed record Sound(Tensor Samples, int SampleRate)
{
    /// <summary>Number of channels.</summary>
    public int Channels => Samples.Shape.Int(0);
}

/// <summary>
/// RIFF/WAVE with integer PCM (8 bit unsigned; 16, 24, 32 bit signed, scaled by 2^(bits−1)) or IEEE float (32, 64 bit), plain or as
/// WAVE_FORMAT_EXTENSIBLE.
/// </summary>
public static class WavFile
{
    private const int Pcm = 1, Float = 3, Extensible = 0xFFFE;

    // The data size that writers to a pipe leave in the header: the samples run to the end of the file.
    private const uint UnknownSize = uint.MaxValue;

    /// <summary>Reads a file.</summary>
    public static Sound Read(string path, long limit = DataFile.DefaultLimit) => Parse(DataFile.ReadAll(path, limit), path, limit);

    /// <summary>Reads the bytes of a file; <paramref name="file"/> names it in errors.</summary>
    public static Sound Parse(ReadOnlySpan<byte> bytes, string? file = null, long limit = DataFile.DefaultLimit)
    {
        var c = new DataCursor(bytes, file);
        if (!c.StartsWith("RIFF"u8)) throw c.Fail("not a WAV file: 'RIFF' is missing");
        c.Take(8, "the RIFF header");
        if (!c.StartsWith("WAVE"u8)) throw c.Fail("not a WAV file: 'WAVE' is missing");
        c.Take(4, "the RIFF header");
        Format? format = null;
        while (true)
        {
            if (c.Left == 0) throw c.Fail("there is no 'data' chunk");
            bool isFormat = c.StartsWith("fmt "u8), isData = c.StartsWith("data"u8);
            c.Take(4, "a chunk header");
            long size = c.U32Little("a chunk header");
            if (isData)
            {
                if (format is null) throw c.Fail("the 'data' chunk comes before 'fmt '");
                if (size == UnknownSize) size = c.Left;
                return Decode(format.Value, c.Take(size, "the samples"), limit, file, c.Position);
            }
            var chunk = c.Take(size, "a chunk");
            if (isFormat) format = Format.Parse(chunk, file, c.Position);
            // Chunks begin at even offsets; some writers leave the padding out at the very end.
            if ((size & 1) != 0 && c.Left > 0) c.Take(1, "padding");
        }
    }

    /// <summary>Writes 16-bit PCM; samples beyond [−1, 1] become the largest that there is.</summary>
    public static void Write(string path, Sound sound)
    {
        int channels = sound.Channels, samples = sound.Samples.Shape.Int(1), frame = channels * sizeof(short), bytes = Checked.Int(Checked.Mul(samples, frame));
        var file = new byte[Checked.Int(44L + bytes)];
        var b = file.AsSpan();
        "RIFF"u8.CopyTo(b);
        BinaryPrimitives.WriteInt32LittleEndian(b[4..], 36 + bytes);
        "WAVEfmt "u8.CopyTo(b[8..]);
        BinaryPrimitives.WriteInt32LittleEndian(b[16..], 16);
        BinaryPrimitives.WriteInt16LittleEndian(b[20..], Pcm);
        BinaryPrimitives.WriteInt16LittleEndian(b[22..], (short)channels);
        BinaryPrimitives.WriteInt32LittleEndian(b[24..], sound.SampleRate);
        BinaryPrimitives.WriteInt32LittleEndian(b[28..], sound.SampleRate * frame);
        BinaryPrimitives.WriteInt16LittleEndian(b[32..], (short)frame);
        BinaryPrimitives.WriteInt16LittleEndian(b[34..], 16);
        "data"u8.CopyTo(b[36..]);
        BinaryPrimitives.WriteInt32LittleEndian(b[40..], bytes);
        var from = sound.Samples.Span<float>();
        for (int i = 0, at = 44; i < samples; i++)
            for (int c = 0; c < channels; c++, at += sizeof(short))
                BinaryPrimitives.WriteInt16LittleEndian(b[at..], (short)Math.Clamp(MathF.Round(32768f * from[c * samples + i]), short.MinValue, short.MaxValue));
        AtomicFile.Write(path, s => s.Write(file));
    }

    private static Sound Decode(Format f, ReadOnlySpan<byte> data, long limit, string? file, long offset)
    {
        int width = f.Bits / 8, channels = f.Channels;
        int frame = width * channels;
        if (data.Length % frame != 0) throw new DataFormatException($"{data.Length} bytes of samples are no whole number of frames of {frame} bytes", file, offset);
        int samples = data.Length / frame;
        var t = DataFile.Allocate(DType.F32, [channels, samples], limit, file);
        var to = t.Span<float>();
        for (int i = 0, at = 0; i < samples; i++)
            for (int ch = 0; ch < channels; ch++, at += width)
                to[ch * samples + i] = Sample(data.Slice(at, width), f.IsFloat);
        return new(t, f.SampleRate);
    }

    private static float Sample(ReadOnlySpan<byte> s, bool isFloat) => (s.Length, isFloat) switch
    {
        (1, _) => (s[0] - 128) / 128f,
        (2, _) => BinaryPrimitives.ReadInt16LittleEndian(s) / 32768f,
        (3, _) => ((s[0] << 8 | s[1] << 16 | s[2] << 24) >> 8) / 8388608f,
        (4, false) => BinaryPrimitives.ReadInt32LittleEndian(s) / 2147483648f,
        (4, true) => BinaryPrimitives.ReadSingleLittleEndian(s),
        _ => (float)BinaryPrimitives.ReadDoubleLittleEndian(s),
    };

    private readonly record struct Format(bool IsFloat, int Channels, int SampleRate, int Bits)
    {
        public static Format Parse(ReadOnlySpan<byte> chunk, string? file, long offset)
        {
            DataFormatException Fail(string m) => new(m, file, offset);
            if (chunk.Length < 16) throw Fail($"a 'fmt ' chunk of {chunk.Length} bytes is too short");
            int tag = BinaryPrimitives.ReadUInt16LittleEndian(chunk);
            int channels = BinaryPrimitives.ReadUInt16LittleEndian(chunk[2..]);
            uint rate = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            int align = BinaryPrimitives.ReadUInt16LittleEndian(chunk[12..]);
            int bits = BinaryPrimitives.ReadUInt16LittleEndian(chunk[14..]);
            if (tag == Extensible)
            {
                // The real tag is the first two bytes of the sub-format GUID.
                if (chunk.Length < 40) throw Fail("an extensible 'fmt ' chunk is too short");
                tag = BinaryPrimitives.ReadUInt16LittleEndian(chunk[24..]);
            }
            if (tag is not (Pcm or Float)) throw Fail($"sample format 0x{tag:X4} is not supported: only PCM and IEEE float are");
            if (tag == Pcm ? bits is not (8 or 16 or 24 or 32) : bits is not (32 or 64)) throw Fail($"{bits} bits a sample are not supported");
            if (channels is < 1 or > 256) throw Fail($"{channels} channels are not supported");
            if (rate is 0 or > 10_000_000) throw Fail($"a sample rate of {rate} Hz is not supported");
            if (align != channels * bits / 8) throw Fail($"block alignment {align} does not fit {channels} channels of {bits} bits");
            return new(tag == Float, channels, (int)rate, bits);
        }
    }
}
