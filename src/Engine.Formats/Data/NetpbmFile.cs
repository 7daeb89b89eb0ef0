using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>
/// PGM and PPM: <c>P2</c>/<c>P5</c> gray, <c>P3</c>/<c>P6</c> RGB, then width, height and largest value as text; samples as text (P2, P3) or as
/// one byte, or two big-endian bytes above 255. Result [height, width, channels], u8 or u16, scaled to the full range of its type.
/// </summary>
public static class NetpbmFile
{
    /// <summary>True when the bytes begin as a PGM or PPM file does.</summary>
    public static bool Matches(ReadOnlySpan<byte> bytes) => bytes.Length >= 2 && bytes[0] == 'P' && bytes[1] is (byte)'2' or (byte)'3' or (byte)'5' or (byte)'6';

    /// <summary>Reads a file.</summary>
    public static Tensor Read(string path, long limit = DataFile.DefaultLimit) => Parse(DataFile.ReadAll(path, limit), path, limit);

    /// <summary>Reads the bytes of a file; <paramref name="file"/> names it in errors.</summary>
    public static Tensor Parse(ReadOnlySpan<byte> bytes, string? file = null, long limit = DataFile.DefaultLimit)
    {
        var c = new DataCursor(bytes, file);
        if (!Matches(bytes)) throw c.Fail("not a PGM or PPM file: P2, P3, P5 or P6 is missing");
        int kind = c.Take(2, "the magic number")[1];
        bool text = kind is '2' or '3';
        int channels = kind is '3' or '6' ? 3 : 1;
        int width = Number(ref c, "the width", 1 << 24), height = Number(ref c, "the height", 1 << 24), max = Number(ref c, "the largest value", 65535);
        if (width == 0 || height == 0 || max == 0) throw c.Fail($"a picture of {width}×{height} pixels up to {max}");
        if (!text && !IsSpace(c.U8("the header"))) throw c.Fail("expected one white space after the header");
        var dtype = max > 255 ? DType.U16 : DType.U8;
        long samples = (long)width * height * channels, bytesNeeded = text ? 2 * samples - 1 : samples * (dtype.BitWidth() / 8);
        if (bytesNeeded > c.Left) throw c.Fail($"{width}×{height}×{channels} samples need {bytesNeeded} bytes, {c.Left} are left");
        var t = DataFile.Allocate(dtype, [height, width, channels], limit, file);
        int full = dtype == DType.U16 ? 65535 : 255;
        for (int i = 0; i < samples; i++)
        {
            int v = text ? Number(ref c, "a sample", 65535) : dtype == DType.U8 ? c.U8("a sample") : BinaryPrimitives.ReadUInt16BigEndian(c.Take(2, "a sample"));
            if (v > max) throw c.Fail($"sample {v} exceeds the largest value {max}");
            if (max != full) v = (int)(((long)v * full + max / 2) / max);
            if (dtype == DType.U8) t.Bytes[i] = (byte)v;
            else t.Span<ushort>()[i] = (ushort)v;
        }
        return t;
    }

    private static int Number(ref DataCursor c, string what, int limit)
    {
        bool any = false;
        while (c.Left > 0)
        {
            if (c.StartsWith("#"u8)) while (c.Left > 0 && c.U8(what) != '\n') { }
            else if (IsSpace(c.Peek)) c.U8(what);
            else break;
            any = true;
        }
        if (!any) throw c.Fail($"expected white space before {what}");
        int v = 0, digits = 0;
        for (; c.Left > 0 && c.Peek is >= (byte)'0' and <= (byte)'9'; digits++)
        {
            v = v * 10 + c.U8(what) - '0';
            if (v > limit) throw c.Fail($"{what} exceeds {limit}");
        }
        return digits > 0 ? v : throw c.Fail($"expected {what}");
    }

    private static bool IsSpace(byte b) => b is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t' or 0x0B or 0x0C;
}
