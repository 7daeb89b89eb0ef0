using Engine.Graph.Operators;
using Engine.Kernels;

namespace Engine.Cpu;

/// <summary>The pixels and weights of a resized axis, computed once when a node is bound.</summary>
internal static class ResizeTaps
{
    /// <summary>The input pixel of every output pixel; −1 for the extrapolation value.</summary>
    public static int[] Nearest(ResizeBase op, ResizeAxis a)
    {
        var map = new int[a.Output];
        var rounding = op.Rounding(a);
        for (int o = 0; o < map.Length; o++)
        {
            double x = Original(op.Coordinates, a, o);
            map[o] = IsOutside(op, a, x) ? -1 : Clamp(Round(rounding, x), a.Input);
        }
        return map;
    }

    /// <summary>Taps of any interpolation; of an axis that stays as it is, its own pixels.</summary>
    public static AxisTaps Of(ResizeBase op, ResizeAxis a)
    {
        if (op.Mode == Interpolation.Nearest) return new(a.Input, a.Output, 1, Nearest(op, a), Ones(a.Output));
        return a.Input == a.Output && a.Scale == 1 ? Identity(a.Input) : Linear(op, a);
    }

    /// <summary>The taps that copy <paramref name="n"/> pixels.</summary>
    public static AxisTaps Identity(int n) => new(n, n, 1, [.. Enumerable.Range(0, n)], Ones(n));

    private static float[] Ones(int n)
    {
        var ones = new float[n];
        ones.AsSpan().Fill(1);
        return ones;
    }

    /// <summary>Taps of linear or cubic interpolation.</summary>
    public static AxisTaps Linear(ResizeBase op, ResizeAxis a)
    {
        bool cubic = op.Mode == Interpolation.Cubic;
        // A wide filter on downsampling takes in every input pixel.
        double scale = op.Antialias ? Math.Min(a.Scale, 1) : 1;
        int reach = cubic ? 2 : 1, first = (int)Math.Max(Math.Floor(-reach / scale) + 1, -a.Input - reach), count = 2 - 2 * first;
        var indices = new int[Engine.Tensors.Checked.Int((long)a.Output * count)];
        var weights = new float[indices.Length];
        var w = new double[count];
        for (int o = 0; o < a.Output; o++)
        {
            double x = Original(op.Coordinates, a, o);
            if (IsOutside(op, a, x))
            {
                indices.AsSpan(o * count, count).Fill(-1);
                continue;
            }
            double floor = Math.Floor(x), sum = 0;
            for (int k = 0; k < count; k++)
            {
                double pixel = floor + first + k, distance = (pixel - x) * scale;
                w[k] = cubic ? Cubic.Weight(distance, op.CubicA) : Math.Max(0, 1 - Math.Abs(distance));
                if (op.ExcludeOutside && (pixel < 0 || pixel >= a.Input)) w[k] = 0;
                sum += w[k];
                indices[o * count + k] = Clamp(pixel, a.Input);
            }
            for (int k = 0; k < count; k++) weights[o * count + k] = (float)(sum == 0 ? w[k] : w[k] / sum);
        }
        return new AxisTaps(a.Input, a.Output, count, indices, weights);
    }

    private static int Clamp(double pixel, int length) => (int)Math.Clamp(pixel, 0, length - 1);

    private static bool IsOutside(ResizeBase op, ResizeAxis a, double x) => op.Coordinates == CoordinateMode.TfCropAndResize && !(x >= 0 && x <= a.Input - 1);

    private static double Round(NearestMode mode, double x) => mode switch
    {
        NearestMode.RoundPreferFloor => Math.Ceiling(x - 0.5),
        NearestMode.RoundPreferCeil => Math.Floor(x + 0.5),
        NearestMode.Floor => Math.Floor(x),
        _ => Math.Ceiling(x),
    };

    private static double Original(CoordinateMode mode, ResizeAxis a, int o) => mode switch
    {
        CoordinateMode.HalfPixel => (o + 0.5) / a.Scale - 0.5,
        CoordinateMode.HalfPixelSymmetric => a.Input / 2.0 * (1 - a.Output / a.Length) + (o + 0.5) / a.Scale - 0.5,
        CoordinateMode.PytorchHalfPixel => a.Length > 1 ? (o + 0.5) / a.Scale - 0.5 : 0,
        CoordinateMode.AlignCorners => a.Length == 1 ? 0 : o * (a.Input - 1) / (a.Length - 1),
        CoordinateMode.Asymmetric => o / a.Scale,
        CoordinateMode.TfHalfPixelForNn => (o + 0.5) / a.Scale,
        _ => a.Length > 1 ? a.RoiStart * (a.Input - 1) + o * (a.RoiEnd - a.RoiStart) * (a.Input - 1) / (a.Length - 1) : 0.5 * (a.RoiStart + a.RoiEnd) * (a.Input - 1),
    };
}
