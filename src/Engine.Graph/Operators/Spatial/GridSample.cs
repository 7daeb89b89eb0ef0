using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>What lies outside the image.</summary>
public enum GridPadding
{
    /// <summary>Zeros.</summary>
    Zeros,
    /// <summary>The nearest border pixel.</summary>
    Border,
    /// <summary>The image mirrored at its borders.</summary>
    Reflection,
}

/// <summary>ONNX GridSample: X [N, C, D1 … Dr] read at grid [N, O1 … Or, r] in [−1, 1], last axis first.</summary>
public sealed class GridSample(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "GridSample";

    /// <summary>Interpolation.</summary>
    public Interpolation Mode { get; } = a.String("mode", "linear") switch
    {
        "linear" or "bilinear" => Interpolation.Linear,
        "nearest" => Interpolation.Nearest,
        "cubic" or "bicubic" => Interpolation.Cubic,
        var m => throw new OperatorException($"mode '{m}' is not one of linear, nearest, cubic"),
    };

    /// <summary>What lies outside.</summary>
    public GridPadding Padding { get; } = a.String("padding_mode", "zeros") switch
    {
        "zeros" => GridPadding.Zeros,
        "border" => GridPadding.Border,
        "reflection" => GridPadding.Reflection,
        var m => throw new OperatorException($"padding_mode '{m}' is not one of zeros, border, reflection"),
    };

    /// <summary>True when −1 and 1 are the centres of the corner pixels, else their outer edges.</summary>
    public bool AlignCorners { get; } = a.Bool("align_corners");

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var (x, grid) = (c.Shape(0), c.Shape(1));
        if (x.Rank < 3 || grid.Rank != x.Rank || grid[grid.Rank - 1] != x.Rank - 2 || grid[0] != x[0]) throw new OperatorException($"grid {grid} does not fit input {x}");
        if (x.Rank > 5) throw new UnsupportedException($"GridSample of rank {x.Rank} is not supported");
        var d = grid.ToArray();
        Array.Copy(d, 1, d, 2, d.Length - 2);
        d[1] = x[1];
        c.Set(0, c.DType(0), new Shape(d));
        if (x.Elements == 0 && c.OutputElements > 0) throw new OperatorException($"input {x} has no pixel to sample");
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(c.OutputElements * (Mode == Interpolation.Cubic ? 40 : 10), c.TotalBytes);
}

/// <summary>ONNX AffineGrid: theta [N, r, r + 1] applied to the pixel centres of an image of the given size, for GridSample.</summary>
public sealed class AffineGrid(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "AffineGrid";

    /// <summary>True when −1 and 1 are the centres of the corner pixels, else their outer edges.</summary>
    public bool AlignCorners { get; } = a.Bool("align_corners");

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        if (!c.TryLongs(1, out var size)) return;
        var theta = c.Shape(0);
        int r = size.Length - 2;
        if (r is not (2 or 3)) throw new OperatorException($"size [{string.Join(',', size)}] must have 4 or 5 entries");
        if (theta.Rank != 3 || theta[0] != size[0] || theta[1] != r || theta[2] != r + 1) throw new OperatorException($"theta {theta} does not fit size [{string.Join(',', size)}]");
        c.Set(0, c.DType(0), new Shape([size[0], .. size[2..], r]));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(8 * c.OutputElements, c.TotalBytes);
}
