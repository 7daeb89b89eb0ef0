using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX RoiAlign: each region [x1, y1, x2, y2] of an image, resampled bilinearly to a fixed size.</summary>
public sealed class RoiAlign(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "RoiAlign";

    /// <summary>True for the maximum of the samples, false for their mean.</summary>
    public bool Max { get; } = a.String("mode", "avg") switch { "avg" => false, "max" => true, var m => throw new OperatorException($"mode '{m}' is not one of avg, max") };

    /// <summary>True when region coordinates are shifted by half a pixel.</summary>
    public bool HalfPixel { get; } = a.Opset >= 16 && a.String("coordinate_transformation_mode", "half_pixel") == "half_pixel";

    /// <summary>Output height.</summary>
    public long Height { get; } = a.Int("output_height", 1);

    /// <summary>Output width.</summary>
    public long Width { get; } = a.Int("output_width", 1);

    /// <summary>Samples a bin and axis; 0 adapts to the region's size.</summary>
    public int SamplingRatio { get; } = (int)Math.Clamp(a.Int("sampling_ratio", 0), 0, 1 << 20);

    /// <summary>From region coordinates to pixels.</summary>
    public float SpatialScale { get; } = a.Float("spatial_scale", 1);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.RequireRank(0, 4);
        c.RequireRank(1, 2);
        c.RequireRank(2, 1);
        c.RequireSame(0, 1);
        c.Require(2, DType.I64);
        if (c.Shape(1)[1] != 4 || c.Shape(1)[0] != c.Shape(2)[0]) throw new OperatorException($"rois {c.Shape(1)} and batch_indices {c.Shape(2)} do not fit, expected [R,4] and [R]");
        if (Height < 1 || Width < 1) throw new OperatorException($"output size {Height} × {Width} must be positive");
        c.Set(0, c.DType(0), new Shape(c.Shape(1)[0], c.Shape(0)[1], Height, Width));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(c.OutputElements * 8 * Math.Max(4, (double)SamplingRatio * SamplingRatio), c.TotalBytes);
}

/// <summary>ONNX MaxRoiPool: the maximum over the bins of each region [batch, x1, y1, x2, y2].</summary>
public sealed class MaxRoiPool(Attributes a) : Operator(a)
{
    private readonly long[] _shape = a.Ints("pooled_shape") is { Length: 2 } s && s[0] > 0 && s[1] > 0 ? s : throw new OperatorException("pooled_shape must be two positive integers");

    /// <inheritdoc/>
    public override string Name => "MaxRoiPool";

    /// <summary>From region coordinates to pixels.</summary>
    public float SpatialScale { get; } = a.Float("spatial_scale", 1);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.RequireRank(0, 4);
        c.RequireRank(1, 2);
        c.RequireSame(0, 1);
        if (c.Shape(1)[1] != 5) throw new OperatorException($"rois {c.Shape(1)} must be [R,5]");
        c.Set(0, c.DType(0), new Shape(c.Shape(1)[0], c.Shape(0)[1], _shape[0], _shape[1]));
    }
}
