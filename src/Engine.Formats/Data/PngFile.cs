using System.Buffers.Binary;
using System.IO.Compression;
using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>
/// PNG (ISO/IEC 15948): every colour type and bit depth, plain and Adam7, checksums verified. Palettes are expanded; transparency becomes an
/// alpha channel; depths below 8 bits are scaled to 0..255. Result [height, width, channels], u8 or, for 16-bit pictures, u16.
/// </summary>
public static class PngFile
{
    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    // Deflate expands at most 1032-fold (a 258-byte match in two bits): a header that promises more lies.
    private const long MaxExpansion = 1032;

    /// <summary>True when the bytes begin as a PNG file does.</summary>
    public static bool Matches(ReadOnlySpan<byte> bytes) => bytes.StartsWith(Signature);

    /// <summary>Reads a file.</summary>
    public static Tensor Read(string path, long limit = DataFile.DefaultLimit) => Parse(DataFile.ReadAll(path, limit), path, limit);

    /// <summary>Reads the bytes of a file; <paramref name="file"/> names it in errors.</summary>
    public static Tensor Parse(ReadOnlySpan<byte> bytes, string? file = null, long limit = DataFile.DefaultLimit)
    {
        var c = new DataCursor(bytes, file);
        if (!c.StartsWith(Signature)) throw c.Fail("not a PNG file: the signature is missing");
        c.Take(Signature.Length, "the signature");
        PngHeader? header = null;
        byte[]? palette = null, transparency = null;
        using var compressed = new MemoryStream();
        while (true)
        {
            int at = c.Position;
            long length = c.U32Big("a chunk header");
            var body = c.Take(length + 4, "a chunk");
            if (c.U32Big("a checksum") != Crc32.Of(body)) throw new DataFormatException("a chunk's checksum is wrong", file, at);
            var data = body[4..];
            var name = body[..4];
            if (header is null && !name.SequenceEqual("IHDR"u8)) throw new DataFormatException("the first chunk is not IHDR", file, at);
            if (name.SequenceEqual("IHDR"u8)) header = header is null ? PngHeader.Parse(data, file, at) : throw new DataFormatException("a second IHDR", file, at);
            else if (name.SequenceEqual("PLTE"u8)) palette = data.Length is > 0 and <= 768 && data.Length % 3 == 0 ? data.ToArray() : throw new DataFormatException($"a palette of {data.Length} bytes", file, at);
            else if (name.SequenceEqual("tRNS"u8)) transparency = data.ToArray();
            else if (name.SequenceEqual("IDAT"u8)) compressed.Write(data);
            else if (name.SequenceEqual("IEND"u8)) break;
            else if ((name[0] & 0x20) == 0) throw new DataFormatException("an unknown critical chunk", file, at);
        }
        if (c.Left > 0) throw c.Fail($"{c.Left} bytes follow the end of the picture");
        return Decode(header!, palette, transparency, compressed, limit, file);
    }

    private static Tensor Decode(PngHeader h, byte[]? palette, byte[]? transparency, MemoryStream compressed, long limit, string? file)
    {
        if (h.Color == PngColor.Palette && palette is null) throw new DataFormatException("the palette is missing", file);
        long raw = h.RawBytes();
        if (raw / MaxExpansion > compressed.Length) throw new DataFormatException($"{compressed.Length} compressed bytes cannot hold {h.Width}×{h.Height} pixels", file);
        var pixels = new PngPixels(h, palette, transparency, file);
        var t = DataFile.Allocate(h.Depth == 16 ? DType.U16 : DType.U8, [h.Height, h.Width, pixels.Channels], limit, file);
        compressed.Position = 0;
        try
        {
            using var inflate = new ZLibStream(compressed, CompressionMode.Decompress);
            foreach (var pass in h.Passes()) ReadPass(h, pass, inflate, pixels, t);
            // Also makes the decoder reach and verify the Adler-32 checksum.
            if (inflate.ReadByte() >= 0) throw new DataFormatException("the picture data is longer than its header says", file);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new DataFormatException("the compressed picture data is damaged or too short", file, -1, e);
        }
        return t;
    }

    private static void ReadPass(PngHeader h, PngPass pass, ZLibStream inflate, PngPixels pixels, Tensor to)
    {
        int width = pass.Columns(h.Width), height = pass.Rows(h.Height);
        if (width == 0 || height == 0) return;
        int rowBytes = (int)h.RowBytes(width);
        var row = new byte[rowBytes];
        var above = new byte[rowBytes];
        int back = Math.Max(1, h.Samples * h.Depth / 8);
        for (int y = 0; y < height; y++)
        {
            int filter = inflate.ReadByte();
            if (filter < 0) throw new EndOfStreamException();
            inflate.ReadExactly(row);
            Unfilter(filter, row, above, back);
            pixels.Store(row, width, to, pass.Y + (long)y * pass.StepY, pass.X, pass.StepX);
            (row, above) = (above, row);
        }
    }

    private static void Unfilter(int filter, Span<byte> row, ReadOnlySpan<byte> above, int back)
    {
        switch (filter)
        {
            case 0: break;
            case 1:
                for (int i = back; i < row.Length; i++) row[i] += row[i - back];
                break;
            case 2:
                for (int i = 0; i < row.Length; i++) row[i] += above[i];
                break;
            case 3:
                for (int i = 0; i < row.Length; i++) row[i] += (byte)((i < back ? above[i] : row[i - back] + above[i]) >> 1);
                break;
            case 4:
                for (int i = 0; i < row.Length; i++) row[i] += i < back ? above[i] : Paeth(row[i - back], above[i], above[i - back]);
                break;
            default: throw new InvalidDataException($"filter {filter} is unknown");
        }
    }

    private static byte Paeth(int a, int b, int c)
    {
        int p = a + b - c, pa = Math.Abs(p - a), pb = Math.Abs(p - b), pc = Math.Abs(p - c);
        return (byte)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
    }
}

internal enum PngColor
{
    Gray = 0,
    Rgb = 2,
    Palette = 3,
    GrayAlpha = 4,
    Rgba = 6,
}

/// <summary>Pixels (X + i·StepX, Y + j·StepY) of the picture, sent as a picture of their own.</summary>
internal readonly record struct PngPass(int X, int Y, int StepX, int StepY)
{
    public int Columns(int width) => width <= X ? 0 : (int)(((long)width - X + StepX - 1) / StepX);

    public int Rows(int height) => height <= Y ? 0 : (int)(((long)height - Y + StepY - 1) / StepY);
}

/// <summary>The IHDR chunk.</summary>
internal sealed record PngHeader(int Width, int Height, int Depth, PngColor Color, bool Interlaced)
{
    private static readonly PngPass[] Whole = [new(0, 0, 1, 1)];
    private static readonly PngPass[] Adam7 = [new(0, 0, 8, 8), new(4, 0, 8, 8), new(0, 4, 4, 8), new(2, 0, 4, 4), new(0, 2, 2, 4), new(1, 0, 2, 2), new(0, 1, 1, 2)];

    /// <summary>Stored samples a pixel.</summary>
    public int Samples => Color switch { PngColor.Rgb => 3, PngColor.GrayAlpha => 2, PngColor.Rgba => 4, _ => 1 };

    public PngPass[] Passes() => Interlaced ? Adam7 : Whole;

    public long RowBytes(int width) => ((long)width * Samples * Depth + 7) / 8;

    /// <summary>Bytes that inflate must give: rows of every pass with their filter bytes.</summary>
    public long RawBytes() => Passes().Sum(p => p.Columns(Width) == 0 ? 0 : (RowBytes(p.Columns(Width)) + 1) * p.Rows(Height));

    public static PngHeader Parse(ReadOnlySpan<byte> d, string? file, long offset)
    {
        DataFormatException Fail(string m) => new(m, file, offset);
        if (d.Length != 13) throw Fail($"an IHDR chunk of {d.Length} bytes");
        uint width = BinaryPrimitives.ReadUInt32BigEndian(d), height = BinaryPrimitives.ReadUInt32BigEndian(d[4..]);
        // A limit well below 2³¹ keeps the sums of rows of all passes within 63 bits and a row within an array.
        if (width is 0 or > 1 << 24 || height is 0 or > 1 << 24) throw Fail($"a picture of {width}×{height} pixels");
        int depth = d[8], color = d[9];
        bool valid = (PngColor)color switch
        {
            PngColor.Gray => depth is 1 or 2 or 4 or 8 or 16,
            PngColor.Palette => depth is 1 or 2 or 4 or 8,
            PngColor.Rgb or PngColor.GrayAlpha or PngColor.Rgba => depth is 8 or 16,
            _ => false,
        };
        if (!valid) throw Fail($"colour type {color} with {depth} bits");
        if (d[10] != 0 || d[11] != 0 || d[12] > 1) throw Fail($"compression {d[10]}, filter {d[11]}, interlace {d[12]}");
        return new((int)width, (int)height, depth, (PngColor)color, d[12] == 1);
    }
}
