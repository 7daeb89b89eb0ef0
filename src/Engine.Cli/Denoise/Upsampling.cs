namespace Engine.Cli;

/// <summary>Sound at a whole multiple of its rate.</summary>
internal static class Upsampling
{
    // Zero crossings of the sine cardinal to either side.
    private const int Lobes = 24;

    /// <summary>Samples at <paramref name="factor"/> times the rate: windowed sines cardinal, nothing above half the old rate.</summary>
    public static float[] By(int factor, ReadOnlySpan<float> x)
    {
        if (factor == 1) return x.ToArray();
        var y = new float[Tensors.Checked.Int(Tensors.Checked.Mul(factor, x.Length))];
        for (int i = 0; i < y.Length; i++)
        {
            double at = (double)i / factor, sum = 0;
            int first = Math.Max(0, (int)Math.Ceiling(at - Lobes)), last = Math.Min(x.Length - 1, (int)Math.Floor(at + Lobes));
            for (int k = first; k <= last; k++)
            {
                double d = at - k, sine = d == 0 ? 1 : Math.Sin(Math.PI * d) / (Math.PI * d), half = Math.Cos(0.5 * Math.PI * d / (Lobes + 1));
                sum += x[k] * sine * half * half;
            }
            y[i] = (float)sum;
        }
        return y;
    }
}
