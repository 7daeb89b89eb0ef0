using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>How a resized coordinate maps back to the input.</summary>
public enum CoordinateMode
{
    /// <summary>(x + 0.5) / scale − 0.5.</summary>
    HalfPixel,
    /// <summary>Half pixel, centred on the exact scaled length.</summary>
    HalfPixelSymmetric,
    /// <summary>Half pixel; 0 for a length of 1.</summary>
    PytorchHalfPixel,
    /// <summary>The corners map to the corners.</summary>
    AlignCorners,
    /// <summary>x / scale.</summary>
    Asymmetric,
    /// <summary>(x + 0.5) / scale.</summary>
    TfHalfPixelForNn,
    /// <summary>The region of interest is stretched over the output.</summary>
    TfCropAndResize,
}

/// <summary>How values between input pixels are found.</summary>
public enum Interpolation
{
    /// <summary>The nearest pixel.</summary>
    Nearest,
    /// <summary>Linear in each axis.</summary>
    Linear,
    /// <summary>Cubic convolution in each axis.</summary>
    Cubic,
}

/// <summary>How a coordinate between two pixels is rounded.</summary>
public enum NearestMode
{
    /// <summary>To the nearest; down at a half.</summary>
    RoundPreferFloor,
    /// <summary>To the nearest; up at a half.</summary>
    RoundPreferCeil,
    /// <summary>Down.</summary>
    Floor,
    /// <summary>Up.</summary>
    Ceil,
}

/// <summary>One axis of a resize.</summary>
/// <param name="Input">Input length.</param>
/// <param name="Output">Output length.</param>
/// <param name="Scale">Output pixels an input pixel; not exactly Output / Input where the model gives scales.</param>
/// <param name="Length">Length the output would have unrounded.</param>
/// <param name="RoiStart">Start of the region of interest, in lengths of the input.</param>
/// <param name="RoiEnd">End of the region of interest, in lengths of the input.</param>
public readonly record struct ResizeAxis(int Input, int Output, double Scale, double Length, double RoiStart, double RoiEnd);

/// <summary>Resize and Upsample: interpolation axis by axis.</summary>
public abstract class ResizeBase(Attributes a) : Operator(a)
{
    /// <summary>Interpolation.</summary>
    public Interpolation Mode { get; } = a.String("mode", "nearest") switch
    {
        "nearest" => Interpolation.Nearest,
        "linear" or "bilinear" => Interpolation.Linear,
        "cubic" => Interpolation.Cubic,
        var m => throw new OperatorException($"mode '{m}' is not one of nearest, linear, cubic"),
    };

    /// <summary>Coordinate transformation.</summary>
    public abstract CoordinateMode Coordinates { get; }

    /// <summary>Rounding of nearest interpolation on an axis.</summary>
    public abstract NearestMode Rounding(ResizeAxis axis);

    /// <summary>Coefficient of cubic interpolation.</summary>
    public float CubicA { get; } = a.Float("cubic_coeff_a", -0.75f);

    /// <summary>True when pixels outside the input have no weight.</summary>
    public bool ExcludeOutside { get; } = a.Bool("exclude_outside");

    /// <summary>Value outside the input, for <see cref="CoordinateMode.TfCropAndResize"/>.</summary>
    public float ExtrapolationValue { get; } = a.Float("extrapolation_value", 0);

    /// <summary>True when the filter widens to take in every input pixel on downsampling.</summary>
    public bool Antialias { get; } = a.Bool("antialias");

    /// <summary>Every axis of the resize of an input of shape <paramref name="x"/>; <paramref name="value"/> gives input values, null where absent.</summary>
    public abstract ResizeAxis[] Axes(Shape x, Func<int, Tensor?> value);

    /// <summary>The axis resized by a scale.</summary>
    protected static ResizeAxis Scaled(long input, float scale, double start = 0, double end = 1)
    {
        if (!(scale > 0) || float.IsInfinity(scale)) throw new OperatorException($"scale {scale} is not a positive number");
        double length = (double)input * scale;
        if (length > int.MaxValue) throw new SizeOverflowException($"length {input} scaled by {scale} exceeds {int.MaxValue}");
        return new ResizeAxis(Checked.Int(input), (int)Math.Floor(length), scale, length, start, end);
    }

    /// <summary>States the output type from the resized axes.</summary>
    protected static void SetOutput(InferContext c, ResizeAxis[] axes) => c.Set(0, c.DType(0), new Shape([.. axes.Select(a => (long)a.Output)]));

    /// <summary>The scales as floats, whatever float type holds them.</summary>
    protected static float[] Floats(Tensor t, string what) => t.DType switch
    {
        DType.F32 => t.Span<float>().ToArray(),
        DType.F64 => [.. t.Span<double>().ToArray().Select(v => (float)v)],
        DType.F16 => [.. t.Span<Half>().ToArray().Select(v => (float)v)],
        _ => throw new OperatorException($"{what} has element type {t.DType.Display()}, expected floats"),
    };

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(c.OutputElements * (Mode == Interpolation.Nearest ? 1 : Mode == Interpolation.Linear ? 8 : 32), c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamResize.Stream(c, this);
}

/// <summary>ONNX Resize.</summary>
public sealed class Resize(Attributes a) : ResizeBase(a)
{
    private readonly long[]? _axes = a.Ints("axes");
    private readonly string _aspect = a.String("keep_aspect_ratio_policy", "stretch") switch
    {
        var p and ("stretch" or "not_larger" or "not_smaller") => p,
        var p => throw new OperatorException($"keep_aspect_ratio_policy '{p}' is not one of stretch, not_larger, not_smaller"),
    };
    private readonly bool _first = a.Opset < 11;
    private readonly NearestMode _nearest = a.String("nearest_mode", "round_prefer_floor") switch
    {
        "round_prefer_floor" or "" => NearestMode.RoundPreferFloor,
        "round_prefer_ceil" => NearestMode.RoundPreferCeil,
        "floor" => NearestMode.Floor,
        "ceil" => NearestMode.Ceil,
        var m => throw new OperatorException($"nearest_mode '{m}' is not one of round_prefer_floor, round_prefer_ceil, floor, ceil"),
    };

    /// <inheritdoc/>
    public override string Name => "Resize";

    /// <inheritdoc/>
    public override CoordinateMode Coordinates { get; } = a.Opset < 11 ? CoordinateMode.Asymmetric : a.String("coordinate_transformation_mode", "half_pixel") switch
    {
        "half_pixel" => CoordinateMode.HalfPixel,
        "half_pixel_symmetric" => CoordinateMode.HalfPixelSymmetric,
        "pytorch_half_pixel" => CoordinateMode.PytorchHalfPixel,
        "align_corners" => CoordinateMode.AlignCorners,
        "asymmetric" => CoordinateMode.Asymmetric,
        "tf_half_pixel_for_nn" => CoordinateMode.TfHalfPixelForNn,
        "tf_crop_and_resize" => CoordinateMode.TfCropAndResize,
        var m => throw new OperatorException($"coordinate_transformation_mode '{m}' is not known"),
    };

    // Opset 10 says nothing of rounding; its test data take the ceiling when an axis shrinks.
    /// <inheritdoc/>
    public override NearestMode Rounding(ResizeAxis axis) => !_first ? _nearest : axis.Scale < 1 ? NearestMode.Ceil : NearestMode.Floor;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        int scales = _first ? 1 : 2;
        if (c.Has(scales) && c.In(scales).Elements > 0)
        {
            if (!c.TryValue(scales, out _)) return;
        }
        else if (!c.Has(3) || !c.TryLongs(3, out _)) { c.In(_first ? 1 : 3); return; }
        if (Coordinates == CoordinateMode.TfCropAndResize && !c.TryValue(1, out _)) return;
        SetOutput(c, Axes(c.Shape(0), i => c.Has(i) ? c.PeekValue(i) : null));
    }

    /// <inheritdoc/>
    public override ResizeAxis[] Axes(Shape x, Func<int, Tensor?> value)
    {
        int[] axes = _axes is null ? [.. Enumerable.Range(0, x.Rank)] : [.. _axes.Select(v => x.Axis(v))];
        if (axes.Distinct().Count() != axes.Length || axes.Length > x.Rank) throw new OperatorException($"axes [{string.Join(',', axes)}] repeat");
        var roi = Coordinates == CoordinateMode.TfCropAndResize ? Floats(value(1)!, "roi") : null;
        if (roi is not null && roi.Length != 2 * axes.Length) throw new OperatorException($"roi has {roi.Length} entries, expected {2 * axes.Length}");
        var result = new ResizeAxis[x.Rank];
        for (int i = 0; i < x.Rank; i++) result[i] = new ResizeAxis(x.Int(i), x.Int(i), 1, x[i], 0, 1);
        if (value(_first ? 1 : 2) is { Shape.Elements: > 0 } s)
        {
            var scales = Floats(s, "scales");
            if (scales.Length != axes.Length) throw new OperatorException($"{scales.Length} scales do not fit {axes.Length} axes");
            for (int i = 0; i < axes.Length; i++) result[axes[i]] = Scaled(x[axes[i]], scales[i], roi?[i] ?? 0, roi?[i + axes.Length] ?? 1);
            return result;
        }
        var sizes = value(3)!.ToLongs();
        if (sizes.Length != axes.Length) throw new OperatorException($"{sizes.Length} sizes do not fit {axes.Length} axes");
        double common = _aspect == "not_larger" ? double.PositiveInfinity : 0;
        for (int i = 0; i < axes.Length; i++)
        {
            long input = x[axes[i]];
            if (sizes[i] < 0 || input == 0 && sizes[i] != 0) throw new OperatorException($"cannot resize axis {axes[i]} of {x} to {sizes[i]}");
            double scale = input == 0 ? 1 : (double)sizes[i] / input;
            common = _aspect == "not_larger" ? Math.Min(common, scale) : Math.Max(common, scale);
            result[axes[i]] = new ResizeAxis(Checked.Int(input), Checked.Int(sizes[i]), scale, sizes[i], roi?[i] ?? 0, roi?[i + axes.Length] ?? 1);
        }
        if (_aspect != "stretch")
            foreach (int axis in axes)
            {
                double length = Math.Floor(common * x[axis] + 0.5);
                if (length > int.MaxValue) throw new SizeOverflowException($"length {x[axis]} scaled by {common} exceeds {int.MaxValue}");
                result[axis] = result[axis] with { Output = (int)length, Scale = common, Length = common * x[axis] };
            }
        return result;
    }
}

/// <summary>ONNX Upsample, the forerunner of Resize: scales as attributes (opset 1 and 7) or as an input (9).</summary>
public sealed class Upsample(Attributes a) : ResizeBase(a)
{
    private readonly float[]? _scales = a.Opset >= 9 ? null : a.Opset >= 7 || a.Has("scales") ? a.Floats("scales") ?? throw new OperatorException("attribute 'scales' is missing")
        : [1, 1, a.Float("height_scale", 1), a.Float("width_scale", 1)];

    /// <inheritdoc/>
    public override string Name => "Upsample";

    /// <inheritdoc/>
    public override CoordinateMode Coordinates => CoordinateMode.Asymmetric;

    /// <inheritdoc/>
    public override NearestMode Rounding(ResizeAxis axis) => NearestMode.Floor;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (_scales is null && !c.TryValue(1, out _)) return;
        SetOutput(c, Axes(c.Shape(0), i => c.PeekValue(i)));
    }

    /// <inheritdoc/>
    public override ResizeAxis[] Axes(Shape x, Func<int, Tensor?> value)
    {
        var scales = _scales ?? Floats(value(1)!, "scales");
        if (scales.Length != x.Rank) throw new OperatorException($"{scales.Length} scales do not fit the rank of {x}");
        return [.. scales.Select((s, i) => Scaled(x[i], s))];
    }
}
