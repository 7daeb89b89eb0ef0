using Engine.Cli;
using Engine.Formats.Data;
using Xunit.Abstractions;

namespace Engine.PeerTests;

/// <summary>RNNoise with its published weights on speech and noise.</summary>
public sealed class DenoiserTests(ITestOutputHelper output)
{
    private const string Weights = "rnnoise/rnn_data.c", Clip = "speech/sense_and_sensibility_01_austen_64kb-0870.wav";

    /// <summary>Noise 5 dB below speech, white or a rumble (white noise through a one-pole low-pass): what comes out is nearer to the speech, and speech is told from what is none.</summary>
    [DataTheory(Weights, Clip), InlineData(0, 4), InlineData(0.9, 1.5)]
    public void Speech_comes_out_of_noise(double pole, double gain)
    {
        const int Samples = 4 * 16000;
        float[] speech48 = Upsampling.By(3, WavFile.Read(Repository.Data(Clip)).Samples.Span<float>()[..Samples]), noisy48 = [.. speech48];
        var random = new Random(1);
        double last = 0;
        double[] noise = [.. speech48.Select(_ => last = pole * last + random.NextDouble() - 0.5)];
        double scale = Math.Sqrt(speech48.Sum(v => (double)v * v) / noise.Sum(v => v * v) / Math.Pow(10, 0.5));
        for (int i = 0; i < noisy48.Length; i++) noisy48[i] += (float)(scale * noise[i]);
        using var denoiser = new Denoiser(Repository.Data(Weights));
        var (cleaned, probabilities) = DenoiseCommand.Clean(denoiser, noisy48, default);
        Assert.Equal(speech48.Length, cleaned.Length);
        // The first half second is what the network takes to know the noise.
        double before = Decibels(speech48, noisy48), after = Decibels(speech48, cleaned);
        output.WriteLine($"signal to noise {before:0.0} dB, cleaned {after:0.0} dB; frames of speech {probabilities.Count(p => p > 0.5)} of {probabilities.Length}");
        Assert.InRange(before, 4, 6);
        Assert.True(after > before + gain, $"{before} dB became {after} dB");
        Assert.InRange(probabilities.Count(p => p > 0.5) / (double)probabilities.Length, 0.3, 0.98);
        using var silent = new Denoiser(Repository.Data(Weights));
        Assert.All(DenoiseCommand.Clean(silent, new float[48000], default).Samples, v => Assert.Equal(0, v));
    }

    private static double Decibels(float[] expected, float[] actual)
    {
        double signal = 0, error = 0;
        for (int i = 24000; i < expected.Length; i++)
        {
            signal += Math.Pow(expected[i], 2);
            error += Math.Pow(actual[i] - expected[i], 2);
        }
        return 10 * Math.Log10(signal / error);
    }
}
