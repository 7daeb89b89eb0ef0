using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Samples of a file or of stdin, as they come: one sample of all channels after the other.</summary>
internal sealed class StreamSource : IDisposable
{
    private readonly float[]? _samples;
    private readonly Stream? _stream;
    private readonly bool _floats;
    private byte[] _bytes = [];
    private int _at, _left;

    private StreamSource(float[]? samples, Stream? stream, int rate, int? channels, bool floats) => (_samples, _stream, Rate, Channels, _floats) = (samples, stream, rate, channels, floats);

    /// <summary>Samples a second.</summary>
    public int Rate { get; }

    /// <summary>Elements of a sample where the source says so.</summary>
    public int? Channels { get; }

    public static StreamSource Open(string source, int rate, bool floats)
    {
        if (source == "-") return new(null, Console.OpenStandardInput(), rate, null, floats);
        switch (Path.GetExtension(source).ToLowerInvariant())
        {
            case ".wav":
                var sound = WavFile.Read(source);
                return new(Interleaved(sound.Samples), null, sound.SampleRate, sound.Channels, false);
            case ".npy":
                var t = NpyFile.Read(source);
                if (t.DType != DType.F32) t = Numbers.FromDoubles(DType.F32, t.Shape, Numbers.ToDoubles(t));
                return new(Interleaved(t), null, rate, t.Shape.Rank < 2 ? 1 : t.Shape.Int(t.Shape.Rank - 2), false);
            default:
                throw new DataFormatException(File.Exists(source) ? "unknown kind of file: expected .wav, .npy or - for stdin" : "no such file", source);
        }
    }

    /// <summary>Fills whole samples of <paramref name="elements"/> elements; the elements read, 0 at the end.</summary>
    public int Read(Span<float> to, int elements)
    {
        if (_samples is not null)
        {
            int n = Math.Min(to.Length, _samples.Length - _at);
            _samples.AsSpan(_at, n).CopyTo(to);
            _at += n;
            return n;
        }
        int width = _floats ? sizeof(float) : sizeof(short);
        if (_bytes.Length < to.Length * width) Array.Resize(ref _bytes, to.Length * width);
        // Whatever has come is passed on at once; part of a sample waits for the rest.
        while (_left < elements * width)
        {
            int read = _stream!.Read(_bytes, _left, to.Length * width - _left);
            if (read == 0) return 0;
            _left += read;
        }
        int whole = _left / (elements * width) * elements;
        Decode(_bytes.AsSpan(0, whole * width), to);
        _bytes.AsSpan(whole * width, _left - whole * width).CopyTo(_bytes);
        _left -= whole * width;
        return whole;
    }

    private void Decode(ReadOnlySpan<byte> bytes, Span<float> to)
    {
        if (_floats) MemoryMarshal.Cast<byte, float>(bytes).CopyTo(to);
        else
            for (int i = 0; i < bytes.Length / sizeof(short); i++) to[i] = BinaryPrimitives.ReadInt16LittleEndian(bytes[(i * sizeof(short))..]) / 32768f;
    }

    // [.., channels, samples] sample by sample.
    private static float[] Interleaved(Tensor t)
    {
        int samples = t.Shape.Rank == 0 ? 1 : t.Shape.Int(-1), channels = samples == 0 ? 0 : t.Shape.Count / samples;
        var from = t.Span<float>();
        var to = new float[from.Length];
        for (int c = 0; c < channels; c++)
            for (int i = 0; i < samples; i++) to[i * channels + c] = from[c * samples + i];
        return to;
    }

    public void Dispose() => _stream?.Dispose();
}
