using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Seeded constants of generated networks; not System.Random, whose sequence belongs to a version of .NET.</summary>
internal sealed class NetworkWeights(ulong seed, bool zero = false)
{
    private ulong _state = seed;

    /// <summary>Normally distributed with this standard deviation, or zeros where they are asked for.</summary>
    public Tensor Normal(double deviation, params ReadOnlySpan<long> dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        var values = t.Span<float>();
        for (int i = 0; !zero && i < values.Length; i += 2)
        {
            // Box and Muller: two uniform numbers make two normal ones.
            double radius = deviation * Math.Sqrt(-2 * Math.Log(1 - Uniform())), angle = 2 * Math.PI * Uniform();
            values[i] = (float)(radius * Math.Cos(angle));
            if (i + 1 < values.Length) values[i + 1] = (float)(radius * Math.Sin(angle));
        }
        return t;
    }

    /// <summary>−1 and +1.</summary>
    public Tensor Signs(params ReadOnlySpan<long> dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float v in t.Span<float>()) v = Uniform() < 0.5 ? -1 : 1;
        return t;
    }

    /// <summary>One number in all places.</summary>
    public static Tensor Filled(float value, params ReadOnlySpan<long> dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        t.Span<float>().Fill(value);
        return t;
    }

    /// <summary>One number.</summary>
    public static Tensor Scalar(float value) => Tensor.From(Shape.Scalar, [value]);

    private double Uniform()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong z = (_state ^ _state >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return ((z ^ z >> 31) >> 11) * (1.0 / (1UL << 53));
    }
}
