using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>How far two values are apart.</summary>
/// <param name="Cosine">Σab / √(Σa² Σb²); 1 when both are zero everywhere.</param>
/// <param name="Linf">max |a − b|.</param>
/// <param name="Rmse">√(mean (a − b)²).</param>
internal readonly record struct Metrics(double Cosine, double Linf, double Rmse)
{
    public static Metrics Equal { get; } = new(1, 0, 0);

    public static Metrics Undefined { get; } = new(double.NaN, double.PositiveInfinity, double.PositiveInfinity);

    /// <summary>The worse of each.</summary>
    public Metrics Worse(Metrics other) => new(Math.Min(Cosine, other.Cosine), Math.Max(Linf, other.Linf), Math.Max(Rmse, other.Rmse));

    /// <summary>Tensors of numbers and one shape; an element that is NaN, or the same infinity, in both counts as equal. Strings are equal or not comparable.</summary>
    public static Metrics Of(Tensor a, Tensor b)
    {
        if (a.Shape != b.Shape) return Undefined;
        if (a.DType == DType.String || b.DType == DType.String) return a.DType == b.DType && a.Strings.AsSpan().SequenceEqual(b.Strings) ? Equal : Undefined;
        var (x, y) = (Numbers.ToDoubles(a), Numbers.ToDoubles(b));
        double xx = 0, yy = 0, xy = 0, square = 0, largest = 0;
        for (int i = 0; i < x.Length; i++)
        {
            if (x[i].Equals(y[i]) && !double.IsFinite(x[i])) continue;
            double d = x[i] - y[i];
            xx += x[i] * x[i];
            yy += y[i] * y[i];
            xy += x[i] * y[i];
            square += d * d;
            largest = double.IsNaN(d) ? double.PositiveInfinity : Math.Max(largest, Math.Abs(d));
        }
        double cosine = xx == 0 && yy == 0 ? 1 : xx == 0 || yy == 0 ? 0 : xy / Math.Sqrt(xx * yy);
        double rmse = x.Length == 0 ? 0 : Math.Sqrt(square / x.Length);
        return new(Math.Min(1, cosine), largest, double.IsNaN(rmse) ? double.PositiveInfinity : rmse);
    }

    /// <summary>max |a − b| over everything comparable in two values.</summary>
    public static double LargestDifference(RuntimeValue a, RuntimeValue b)
    {
        if (a is Tensor x && b is Tensor y) return Of(x, y).Linf;
        if (a is TensorSequence s && b is TensorSequence t && s.Items.Count == t.Items.Count) return s.Items.Zip(t.Items, LargestDifference).Append(0).Max();
        return a is AbsentValue && b is AbsentValue ? 0 : double.PositiveInfinity;
    }
}
