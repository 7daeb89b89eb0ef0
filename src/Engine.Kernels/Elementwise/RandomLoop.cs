using System.Numerics;

namespace Engine.Kernels;

/// <summary>xoshiro256** (D. Blackman and S. Vigna), seeded through SplitMix64. One stream, drawn in order, so a result depends on the seed alone.</summary>
public struct Xoshiro256
{
    private ulong _a, _b, _c, _d;

    /// <summary>The stream of a seed.</summary>
    public Xoshiro256(long seed)
    {
        ulong s = unchecked((ulong)seed);
        (_a, _b, _c, _d) = (Split(ref s), Split(ref s), Split(ref s), Split(ref s));
    }

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        ulong result = BitOperations.RotateLeft(_b * 5, 7) * 9, t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1), of 53 bits.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1L << 53));

    /// <summary>Standard normal, by Box and Muller.</summary>
    public double NextNormal()
    {
        double radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
        return radius * Math.Cos(2 * Math.PI * NextDouble());
    }

    private static ulong Split(ref ulong s)
    {
        ulong z = s += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }
}

/// <summary>Random fills.</summary>
public static class RandomLoop
{
    /// <summary>low + (high − low) · u, u uniform in [0, 1).</summary>
    public static void Uniform<T>(long seed, double low, double high, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var r = new Xoshiro256(seed);
        for (int i = 0; i < y.Length; i++) y[i] = T.CreateTruncating(low + (high - low) * r.NextDouble());
    }

    /// <summary>mean + deviation · z, z standard normal.</summary>
    public static void Normal<T>(long seed, double mean, double deviation, Span<T> y) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var r = new Xoshiro256(seed);
        for (int i = 0; i < y.Length; i++) y[i] = T.CreateTruncating(mean + deviation * r.NextNormal());
    }

    /// <summary>1 with probability x[i], else 0; y may be x.</summary>
    public static void Bernoulli<T, TResult>(long seed, ReadOnlySpan<T> x, Span<TResult> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> where TResult : unmanaged, INumber<TResult>
    {
        var r = new Xoshiro256(seed);
        for (int i = 0; i < y.Length; i++) y[i] = r.NextDouble() < double.CreateTruncating(x[i]) ? TResult.One : TResult.Zero;
    }

    /// <summary>Drops x[i] with probability <paramref name="ratio"/> and scales the rest by 1 / (1 − ratio); y may be x. The mask may be empty.</summary>
    public static void Dropout<T>(long seed, double ratio, ReadOnlySpan<T> x, Span<T> y, Span<byte> mask) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var r = new Xoshiro256(seed);
        var scale = T.CreateTruncating(1 / (1 - ratio));
        for (int i = 0; i < y.Length; i++)
        {
            bool keep = r.NextDouble() >= ratio;
            y[i] = keep ? x[i] * scale : T.Zero;
            if (!mask.IsEmpty) mask[i] = keep ? (byte)1 : (byte)0;
        }
    }

    /// <summary>
    /// A row of y: class indices drawn by the unnormalized log probabilities of a row of x. The cumulative weights are found anew
    /// for each sample, so that no workspace is needed.
    /// </summary>
    public static void Multinomial<T, TResult>(long seed, ReadOnlySpan<T> x, int classes, Span<TResult> y) where T : unmanaged, IBinaryFloatingPointIeee754<T> where TResult : unmanaged, INumber<TResult>
    {
        if (y.IsEmpty) return;
        var r = new Xoshiro256(seed);
        int rows = x.Length / classes, samples = y.Length / rows;
        for (int row = 0; row < rows; row++)
        {
            var p = x.Slice(row * classes, classes);
            double max = double.NegativeInfinity, total = 0;
            foreach (var v in p) max = Math.Max(max, double.CreateTruncating(v));
            foreach (var v in p) total += Math.Exp(double.CreateTruncating(v) - max);
            for (int s = 0; s < samples; s++)
            {
                double left = r.NextDouble() * total;
                int k = 0;
                while (k < classes - 1 && (left -= Math.Exp(double.CreateTruncating(p[k]) - max)) >= 0) k++;
                y[row * samples + s] = TResult.CreateTruncating(k);
            }
        }
    }
}
