using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>How far f32 results lie from expected ones; grows with every pair that is added.</summary>
internal sealed class Difference
{
    /// <summary>Elements compared.</summary>
    public long Count { get; private set; }

    /// <summary>Largest |actual − expected|.</summary>
    public double Absolute { get; private set; }

    /// <summary>Largest |expected|.</summary>
    public double Largest { get; private set; }

    /// <summary>Largest |actual − expected| / max(1, |expected|).</summary>
    public double Mixed { get; private set; }

    /// <summary>The largest difference as a part of the largest expected value.</summary>
    public double Relative => Absolute == 0 ? 0 : Absolute / Largest;

    public void Add(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.Type, actual.Type);
        var e = expected.Span<float>();
        var a = actual.Span<float>();
        for (int i = 0; i < e.Length; i++)
        {
            double d = Math.Abs((double)a[i] - e[i]);
            if (double.IsNaN(d)) d = float.IsNaN(a[i]) && float.IsNaN(e[i]) ? 0 : double.PositiveInfinity;
            Absolute = Math.Max(Absolute, d);
            Largest = Math.Max(Largest, Math.Abs(e[i]));
            Mixed = Math.Max(Mixed, d / Math.Max(1, Math.Abs(e[i])));
        }
        Count += e.Length;
    }
}
