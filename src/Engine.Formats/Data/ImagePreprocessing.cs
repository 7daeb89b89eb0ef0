using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>Order of a picture's axes in a model input.</summary>
public enum ImageLayout
{
    /// <summary>[1, channels, height, width].</summary>
    Nchw,
    /// <summary>[1, height, width, channels].</summary>
    Nhwc,
}

/// <summary>
/// From a picture to a model input: channels, size, then (v · scale − mean) / std, then layout and element type, in that order.
/// </summary>
public sealed record ImagePreprocessing
{
    /// <summary>Width and height of the result; null keeps the picture's.</summary>
    public (int Width, int Height)? Size { get; init; }

    /// <summary>Channels of the result (1 gray, 3 RGB, 4 RGBA); null keeps the picture's.</summary>
    public int? Channels { get; init; }

    /// <summary>Factor of sample values; null is 1/255 (1/65535 for u16) for floating-point results and 1 (1/257) for integers.</summary>
    public double? Scale { get; init; }

    /// <summary>Subtracted a channel, after scaling; one value serves all channels.</summary>
    public IReadOnlyList<double> Mean { get; init; } = [];

    /// <summary>Divides a channel; one value serves all channels.</summary>
    public IReadOnlyList<double> Std { get; init; } = [];

    /// <summary>Order of axes.</summary>
    public ImageLayout Layout { get; init; }

    /// <summary>Element type of the result.</summary>
    public DType DType { get; init; } = DType.F32;

    /// <summary>Makes the input from a picture [height, width, channels] of u8 or u16.</summary>
    public Tensor Apply(Tensor picture)
    {
        if (picture.Shape.Rank != 3 || picture.DType is not (DType.U8 or DType.U16)) throw new InputException($"expected a picture [height, width, channels] of u8 or u16, got {picture}");
        int height = picture.Shape.Int(0), width = picture.Shape.Int(1), channels = Channels ?? picture.Shape.Int(2);
        if (height == 0 || width == 0) throw new InputException($"the picture {picture} is empty");
        // Arithmetic is in binary64: eight bytes a sample.
        if (picture.Shape.Elements > DataFile.DefaultLimit / sizeof(double)) throw new InputException($"the picture {picture} is too large");
        var values = Convert(picture, channels);
        if (Size is { } s && (s.Width, s.Height) != (width, height))
        {
            if (s.Width < 1 || s.Height < 1 || Checked.Mul(Checked.Mul(s.Width, s.Height), channels) > DataFile.DefaultLimit / sizeof(double)) throw new InputException($"cannot resize to {s.Width}×{s.Height}");
            values = Resize(values, width, height, channels, s.Width, s.Height);
            (width, height) = s;
        }
        Normalize(values, channels, Scale ?? DefaultScale(picture.DType));
        if (Layout == ImageLayout.Nhwc) return Numbers.FromDoubles(DType, new Shape(1, height, width, channels), values);
        var planes = new double[values.Length];
        int pixels = width * height;
        for (int i = 0; i < pixels; i++)
            for (int c = 0; c < channels; c++)
                planes[c * pixels + i] = values[i * channels + c];
        return Numbers.FromDoubles(DType, new Shape(1, channels, height, width), planes);
    }

    private double DefaultScale(DType source) => DType.IsFloat() ? source == DType.U16 ? 1 / 65535.0 : 1 / 255.0 : source == DType.U16 ? 1 / 257.0 : 1;

    private void Normalize(Span<double> values, int channels, double scale)
    {
        double Of(IReadOnlyList<double> list, int c, double none, string what) => list.Count switch
        {
            0 => none,
            1 => list[0],
            _ when list.Count == channels => list[c],
            _ => throw new InputException($"{list.Count} values of {what} do not fit {channels} channels"),
        };
        for (int c = 0; c < channels; c++)
        {
            double mean = Of(Mean, c, 0, "mean"), std = Of(Std, c, 1, "std");
            if (std == 0) throw new InputException("std must not be 0");
            for (int i = c; i < values.Length; i += channels) values[i] = (values[i] * scale - mean) / std;
        }
    }

    /// <summary>Gray → RGB repeats; RGB → gray is the luma of BT.601; alpha is dropped, or added as opaque.</summary>
    private static double[] Convert(Tensor picture, int channels)
    {
        int have = picture.Shape.Int(2);
        var from = Numbers.ToDoubles(picture);
        if (have == channels) return from;
        if (have is < 1 or > 4 || channels is < 1 or > 4) throw new InputException($"cannot turn {have} channels into {channels}");
        double opaque = picture.DType == DType.U16 ? 65535 : 255;
        int pixels = from.Length / have;
        bool color = have >= 3, alpha = have is 2 or 4;
        var to = new double[checked(pixels * channels)];
        for (int i = 0; i < pixels; i++)
        {
            var p = from.AsSpan(i * have, have);
            var q = to.AsSpan(i * channels, channels);
            if (channels >= 3)
                for (int c = 0; c < 3; c++) q[c] = p[color ? c : 0];
            else
                q[0] = color ? 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2] : p[0];
            if (channels is 2 or 4) q[^1] = alpha ? p[^1] : opaque;
        }
        return to;
    }

    /// <summary>Bilinear between pixel centres, edges repeated, without a low-pass filter when shrinking.</summary>
    private static double[] Resize(double[] from, int width, int height, int channels, int toWidth, int toHeight)
    {
        var to = new double[checked(toWidth * toHeight * channels)];
        for (int y = 0; y < toHeight; y++)
        {
            var (y0, y1, fy) = Between(y, height, toHeight);
            for (int x = 0; x < toWidth; x++)
            {
                var (x0, x1, fx) = Between(x, width, toWidth);
                for (int c = 0; c < channels; c++)
                {
                    double top = from[(y0 * width + x0) * channels + c] * (1 - fx) + from[(y0 * width + x1) * channels + c] * fx;
                    double bottom = from[(y1 * width + x0) * channels + c] * (1 - fx) + from[(y1 * width + x1) * channels + c] * fx;
                    to[(y * toWidth + x) * channels + c] = top * (1 - fy) + bottom * fy;
                }
            }
        }
        return to;
    }

    private static (int Low, int High, double Fraction) Between(int i, int size, int toSize)
    {
        double at = Math.Clamp((i + 0.5) * size / toSize - 0.5, 0, size - 1);
        int low = (int)at;
        return (low, Math.Min(low + 1, size - 1), at - low);
    }
}
