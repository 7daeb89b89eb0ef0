using System.Buffers.Binary;
using System.Text;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Tests.Formats.Data;

public class ImageFileTests
{
    private static int Channels(string name) => name switch
    {
        _ when name.StartsWith("Rgba", StringComparison.Ordinal) || name.StartsWith("Palette2Alpha", StringComparison.Ordinal) => 4,
        _ when name.StartsWith("Rgb", StringComparison.Ordinal) || name.StartsWith("Palette", StringComparison.Ordinal) => 3,
        _ when name.StartsWith("GrayAlpha", StringComparison.Ordinal) || name == "Gray8Key" => 2,
        _ => 1,
    };

    private static int Expected(string name, int x, int y, int c)
    {
        int v = PngFixtures.Pattern(x, y, name == "Gray8Key" ? 0 : c);
        if (name.StartsWith("Palette", StringComparison.Ordinal))
        {
            int entry = PngFixtures.Pattern(x, y, 0) % 4;
            return c < 3 ? 10 * (3 * entry + c + 1) : entry == 0 ? 0 : entry == 1 ? 128 : 255;
        }
        if (name == "Gray8Key") return c == 0 ? v % 256 : v % 256 == 37 ? 0 : 255;
        if (name.Contains("16", StringComparison.Ordinal)) return v * 257 % 65536;
        if (name.StartsWith("Gray1", StringComparison.Ordinal)) return v % 256 % 2 * 255;
        if (name.StartsWith("Gray2", StringComparison.Ordinal)) return v % 256 % 4 * 85;
        if (name.StartsWith("Gray4", StringComparison.Ordinal)) return v % 256 % 16 * 17;
        return v % 256;
    }

    public static TheoryData<string> Names => [.. PngFixtures.Files.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Reads_every_color_type_depth_and_interlacing(string name)
    {
        var t = PngFile.Parse(PngFixtures.Get(name), name);
        int channels = Channels(name);
        Assert.Equal(new Shape(PngFixtures.Height, PngFixtures.Width, channels), t.Shape);
        Assert.Equal(name.Contains("16", StringComparison.Ordinal) ? DType.U16 : DType.U8, t.DType);
        var v = Numbers.ToDoubles(t);
        for (int y = 0, i = 0; y < PngFixtures.Height; y++)
            for (int x = 0; x < PngFixtures.Width; x++)
                for (int c = 0; c < channels; c++, i++)
                    Assert.True(Expected(name, x, y, c) == v[i], $"{name}: ({x}, {y}, {c}) is {v[i]}, not {Expected(name, x, y, c)}");
    }

    [Theory]
    [InlineData("Rgb8")]
    [InlineData("Palette2AlphaAdam7")]
    [InlineData("Gray16Adam7")]
    public void Refuses_truncated_and_flipped_png(string name)
    {
        var file = PngFixtures.Get(name);
        Mutations.Truncations<DataFormatException>(file, b => PngFile.Parse(b, name, Mutations.Limit));
        // Every bit is under a checksum, the length fields through the chunk that they delimit.
        Assert.Equal(0, Mutations.BitFlips<DataFormatException>(file, b => PngFile.Parse(b, name, Mutations.Limit)));
    }

    [Theory]
    [InlineData("Rgb8")]
    [InlineData("Palette2AlphaAdam7")]
    [InlineData("Gray1")]
    public void Survives_flips_under_a_repaired_checksum(string name) => Mutations.BitFlips<DataFormatException>(PngFixtures.Get(name), b => PngFile.Parse(Repair(b), name, Mutations.Limit));

    private static byte[] Repair(byte[] b)
    {
        for (long at = 8; at + 12 <= b.Length;)
        {
            long length = BinaryPrimitives.ReadUInt32BigEndian(b.AsSpan((int)at));
            if (at + 12 + length > b.Length) break;
            BinaryPrimitives.WriteUInt32BigEndian(b.AsSpan((int)(at + 8 + length)), Crc32.Of(b.AsSpan((int)at + 4, (int)length + 4)));
            at += 12 + length;
        }
        return b;
    }

    [Fact]
    public void Refuses_a_png_header_that_promises_more_than_deflate_can_hold()
    {
        var b = PngFixtures.Get("Rgb8");
        BinaryPrimitives.WriteUInt32BigEndian(b.AsSpan(16), 10000);
        BinaryPrimitives.WriteUInt32BigEndian(b.AsSpan(20), 10000);
        Assert.Contains("cannot hold", Assert.Throws<DataFormatException>(() => PngFile.Parse(Repair(b))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("P2\n# a comment\n2 2\n255\n1 2\n3 255\n", 1, 255)]
    [InlineData("P3 2 1 15 0 5 10 15 0 1", 3, 15)]
    public void Reads_text_pnm(string text, int channels, int max)
    {
        var t = NetpbmFile.Parse(Encoding.ASCII.GetBytes(text));
        Assert.Equal(channels, t.Shape[2]);
        Assert.Equal(max == 15 ? [0, 85, 170, 255, 0, 17] : [1, 2, 3, 255], t.Bytes.ToArray());
    }

    [Fact]
    public void Reads_binary_pnm()
    {
        var t = NetpbmFile.Parse([.. "P6 1 2 255\n"u8, 1, 2, 3, 4, 5, 6]);
        Assert.Equal(new Shape(2, 1, 3), t.Shape);
        Assert.Equal([1, 2, 3, 4, 5, 6], t.Bytes.ToArray());
        Assert.Equal([0x0102, 0xFFFF], NetpbmFile.Parse([.. "P5 2 1 65535\n"u8, 1, 2, 255, 255]).Span<ushort>().ToArray());
    }

    [Fact]
    public void Refuses_truncated_and_survives_flipped_pnm()
    {
        Mutations.Truncations<DataFormatException>([.. "P6 3 2 255\n"u8, .. new byte[18]], b => NetpbmFile.Parse(b, "x.ppm", Mutations.Limit));
        Mutations.Truncations<DataFormatException>([.. "P2 2 2 9 1 2 3 4"u8], b => NetpbmFile.Parse(b, "x.pgm", Mutations.Limit));
        Mutations.BitFlips<DataFormatException>([.. "P6 3 2 255\n"u8, .. new byte[18]], b => NetpbmFile.Parse(b, "x.ppm", Mutations.Limit));
        Mutations.BitFlips<DataFormatException>([.. "P2 2 2 9 1 2 3 4\n"u8], b => NetpbmFile.Parse(b, "x.pgm", Mutations.Limit));
    }

    [Fact]
    public void Preprocessing_scales_normalizes_and_lays_out()
    {
        var picture = Tensor.From(new Shape(1, 2, 3), new byte[] { 0, 51, 102, 153, 204, 255 });
        var p = new ImagePreprocessing { Mean = [0.5, 0.1, 0], Std = [0.5, 1, 2] };
        var t = p.Apply(picture);
        Assert.Equal(new Shape(1, 3, 1, 2), t.Shape);
        float[] expected = [-1, 0.2f, 0.1f, 0.7f, 0.2f, 0.5f];
        for (int i = 0; i < 6; i++) Assert.Equal(expected[i], t.Span<float>()[i], 1e-6f);
        var n = (p with { Layout = ImageLayout.Nhwc, Mean = [], Std = [], DType = DType.U8 }).Apply(picture);
        Assert.Equal(new Shape(1, 1, 2, 3), n.Shape);
        Assert.Equal(picture.Bytes.ToArray(), n.Bytes.ToArray());
    }

    [Fact]
    public void Preprocessing_converts_channels()
    {
        var gray = Tensor.From(new Shape(1, 1, 1), new byte[] { 7 });
        var same = new ImagePreprocessing { DType = DType.U8 };
        Assert.Equal([7, 7, 7], (same with { Channels = 3 }).Apply(gray).Bytes.ToArray());
        Assert.Equal([7, 7, 7, 255], (same with { Channels = 4 }).Apply(gray).Bytes.ToArray());
        var rgba = Tensor.From(new Shape(1, 1, 4), new byte[] { 100, 200, 50, 9 });
        Assert.Equal([100, 200, 50], (same with { Channels = 3 }).Apply(rgba).Bytes.ToArray());
        Assert.Equal([153], (same with { Channels = 1 }).Apply(rgba).Bytes.ToArray());
        Assert.Throws<InputException>(() => (same with { Channels = 5 }).Apply(rgba));
        Assert.Throws<InputException>(() => (same with { Mean = [1, 2] }).Apply(rgba));
    }

    [Fact]
    public void Preprocessing_resizes_between_pixel_centers()
    {
        var picture = Tensor.From(new Shape(1, 2, 1), new byte[] { 0, 100 });
        var t = new ImagePreprocessing { Size = (4, 2), Scale = 1 }.Apply(picture);
        Assert.Equal([0, 25, 75, 100, 0, 25, 75, 100], t.Span<float>().ToArray());
        Assert.Throws<InputException>(() => new ImagePreprocessing { Size = (1 << 20, 1 << 20) }.Apply(picture));
    }
}
