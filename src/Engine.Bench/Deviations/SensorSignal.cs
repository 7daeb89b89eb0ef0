namespace Engine.Bench;

/// <summary>Seeded signals whose frequencies end where they should.</summary>
internal static class SensorSignal
{
    private const int Tones = 24;

    /// <summary>Channels of tones of frequencies up to <paramref name="highest"/> cycles a sample, of an amplitude of at most 1; one sample of all channels after the other.</summary>
    public static double[] Tonal(int samples, int channels, double highest, int seed)
    {
        var random = new Random(seed);
        var signal = new double[samples * channels];
        for (int c = 0; c < channels; c++)
        {
            // The highest tone is the highest frequency itself.
            var tones = Enumerable.Range(0, Tones).Select(i => (Frequency: 2 * Math.PI * highest * (i == 0 ? 1 : random.NextDouble()), Phase: 2 * Math.PI * random.NextDouble())).ToArray();
            for (int t = 0; t < samples; t++) signal[t * channels + c] = tones.Sum(f => Math.Sin(f.Frequency * t + f.Phase)) / Tones;
        }
        return signal;
    }

    /// <summary>One tone of amplitude 1.</summary>
    public static double[] Tone(int samples, double frequency) => [.. Enumerable.Range(0, samples).Select(t => Math.Sin(2 * Math.PI * frequency * t))];
}
