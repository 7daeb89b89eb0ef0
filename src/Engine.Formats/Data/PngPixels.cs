using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>Turns unfiltered rows into pixels: unpacks small depths, expands palettes, adds the alpha that tRNS implies.</summary>
internal sealed class PngPixels
{
    private readonly PngHeader _header;
    private readonly byte[]? _palette;
    private readonly byte[]? _alpha;
    private readonly int[]? _key;
    private readonly string? _file;

    public PngPixels(PngHeader header, byte[]? palette, byte[]? transparency, string? file)
    {
        (_header, _file) = (header, file);
        if (header.Color == PngColor.Palette)
        {
            (_palette, _alpha) = (palette, transparency);
            Channels = transparency is null ? 3 : 4;
            return;
        }
        Channels = header.Samples;
        if (transparency is null) return;
        if (header.Color is not (PngColor.Gray or PngColor.Rgb) || transparency.Length != 2 * header.Samples) throw new DataFormatException("a tRNS chunk that does not fit the colour type", file);
        _key = new int[header.Samples];
        for (int i = 0; i < _key.Length; i++) _key[i] = BinaryPrimitives.ReadUInt16BigEndian(transparency.AsSpan(2 * i));
        Channels++;
    }

    /// <summary>Channels of the result.</summary>
    public int Channels { get; }

    /// <summary>Stores <paramref name="width"/> pixels of a row at (x + i·step, y).</summary>
    public void Store(ReadOnlySpan<byte> row, int width, Tensor to, long y, int x, int step)
    {
        long start = (y * _header.Width + x) * Channels;
        if (_header.Depth == 16) Store16(row, width, to.Span<ushort>()[(int)start..], step * Channels);
        else if (_header.Color == PngColor.Palette) StorePalette(row, width, to.Bytes[(int)start..], step * Channels);
        else Store8(row, width, to.Bytes[(int)start..], step * Channels);
    }

    private void Store16(ReadOnlySpan<byte> row, int width, Span<ushort> to, int step)
    {
        int samples = _header.Samples;
        for (int i = 0, s = 0; i < width; i++)
        {
            bool transparent = _key is not null;
            for (int k = 0; k < samples; k++, s++)
            {
                ushort v = BinaryPrimitives.ReadUInt16BigEndian(row[(2 * s)..]);
                to[i * step + k] = v;
                transparent = transparent && v == _key![k];
            }
            if (_key is not null) to[i * step + samples] = transparent ? (ushort)0 : ushort.MaxValue;
        }
    }

    private void Store8(ReadOnlySpan<byte> row, int width, Span<byte> to, int step)
    {
        int samples = _header.Samples, scale = 255 / ((1 << _header.Depth) - 1);
        for (int i = 0, s = 0; i < width; i++)
        {
            bool transparent = _key is not null;
            for (int k = 0; k < samples; k++, s++)
            {
                int v = Code(row, s);
                to[i * step + k] = (byte)(v * scale);
                transparent = transparent && v == _key![k];
            }
            if (_key is not null) to[i * step + samples] = transparent ? (byte)0 : byte.MaxValue;
        }
    }

    private void StorePalette(ReadOnlySpan<byte> row, int width, Span<byte> to, int step)
    {
        for (int i = 0; i < width; i++)
        {
            int v = Code(row, i);
            if (3 * v >= _palette!.Length) throw new DataFormatException($"palette entry {v} of {_palette.Length / 3}", _file);
            _palette.AsSpan(3 * v, 3).CopyTo(to[(i * step)..]);
            if (_alpha is not null) to[i * step + 3] = v < _alpha.Length ? _alpha[v] : byte.MaxValue;
        }
    }

    private int Code(ReadOnlySpan<byte> row, int sample)
    {
        int depth = _header.Depth, bit = sample * depth;
        return row[bit >> 3] >> (8 - depth - (bit & 7)) & (1 << depth) - 1;
    }
}
