using System.Numerics;
using Engine.Formats.CSources;
using Engine.Kernels;

namespace Engine.Cli;

/// <summary>
/// Frames of 480 samples at 48 kHz as RNNoise sees them: the spectrum of a frame with the one before it, that of the same samples a period of the voice earlier, and 42 features. Samples are those of 16-bit sound.
/// </summary>
internal sealed class VoiceFrames
{
    /// <summary>Samples of a frame, and samples of a spectrum.</summary>
    public const int Frame = 480, Window = 2 * Frame;

    private const int Remembered = 8, Deltas = 6;

    // Below this energy a frame is silence.
    private const double Silence = 0.04;

    private readonly Fourier _transform = new(Window);
    private readonly Complex[] _scratch;
    private readonly PitchTracker _pitch = new();
    private readonly double[] _samples = new double[PitchTracker.Longest + PitchTracker.Frame];
    private readonly double[][] _cepstra = [.. Enumerable.Range(0, Remembered).Select(_ => new double[BarkBands.Count])];
    private int _next;

    public VoiceFrames() => _scratch = new Complex[_transform.Scratch];

    /// <summary>Weight of sample i of a window, the same on the way back: its square and that of sample i + 480 add up to 1.</summary>
    public static double Weight(int i)
    {
        double sine = Math.Sin(0.5 * Math.PI * (Math.Min(i, Window - 1 - i) + 0.5) / Frame);
        return Math.Sin(0.5 * Math.PI * sine * sine);
    }

    /// <summary>Spectrum of the frame and the one before it, bins of 50 Hz up to 24 kHz.</summary>
    public Complex[] Spectrum { get; private set; } = [];

    /// <summary>That of the samples a period earlier.</summary>
    public Complex[] Earlier { get; private set; } = [];

    /// <summary>Energies of <see cref="Spectrum"/> and <see cref="Earlier"/>, and how alike they are, band by band.</summary>
    public double[] Energy { get; private set; } = [];

    /// <inheritdoc cref="Energy"/>
    public double[] EarlierEnergy { get; private set; } = [];

    /// <inheritdoc cref="Energy"/>
    public double[] Likeness { get; private set; } = [];

    /// <summary>Takes the next 480 samples; the features, or null for silence.</summary>
    public float[]? Take(ReadOnlySpan<double> frame)
    {
        _samples.AsSpan(Frame).CopyTo(_samples);
        frame.CopyTo(_samples.AsSpan(_samples.Length - Frame));
        int period = _pitch.Find(_samples);
        Spectrum = Transform(_samples.AsSpan(_samples.Length - Window));
        Earlier = Transform(_samples.AsSpan(_samples.Length - Window - period, Window));
        Energy = BarkBands.Products(Spectrum, Spectrum);
        EarlierEnergy = BarkBands.Products(Earlier, Earlier);
        Likeness = BarkBands.Products(Spectrum, Earlier);
        for (int i = 0; i < BarkBands.Count; i++) Likeness[i] /= Math.Sqrt(0.001 + Energy[i] * EarlierEnergy[i]);
        return Energy.Sum() < Silence ? null : Features(period);
    }

    /// <summary>Samples of a spectrum, without weights.</summary>
    public double[] Back(ReadOnlySpan<Complex> spectrum)
    {
        spectrum.CopyTo(_scratch);
        for (int i = 1; i < Frame; i++) _scratch[Window - i] = Complex.Conjugate(spectrum[i]);
        _transform.Run(_scratch, inverse: true);
        return [.. _scratch.Take(Window).Select(v => Window * v.Real)];
    }

    private Complex[] Transform(ReadOnlySpan<double> samples)
    {
        for (int i = 0; i < Window; i++) _scratch[i] = Weight(i) * samples[i] / Window;
        _transform.Run(_scratch, inverse: false);
        return _scratch[..(Frame + 1)];
    }

    private float[] Features(int period)
    {
        double[] now = _cepstra[_next], before = _cepstra[(_next + Remembered - 1) % Remembered], earlier = _cepstra[(_next + Remembered - 2) % Remembered];
        BarkBands.Cosines(Levels()).CopyTo(now, 0);
        now[0] -= 12;
        now[1] -= 4;
        _next = (_next + 1) % Remembered;
        double[] likeness = BarkBands.Cosines(Likeness);
        likeness[0] -= 1.3;
        likeness[1] -= 0.9;
        var f = new float[CSourceReader.RnnoiseFeatures];
        for (int i = Deltas; i < BarkBands.Count; i++) f[i] = (float)now[i];
        for (int i = 0; i < Deltas; i++)
        {
            f[i] = (float)(now[i] + before[i] + earlier[i]);
            f[BarkBands.Count + i] = (float)(now[i] - earlier[i]);
            f[BarkBands.Count + Deltas + i] = (float)(now[i] - 2 * before[i] + earlier[i]);
            f[BarkBands.Count + 2 * Deltas + i] = (float)likeness[i];
        }
        f[^2] = (float)(0.01 * (period - 300));
        f[^1] = (float)(Variability() - 2.1);
        return f;
    }

    // Logarithms, no lower than 7 under the highest so far or 1.5 under the band before.
    private double[] Levels()
    {
        var levels = new double[BarkBands.Count];
        double highest = -2, follow = -2;
        for (int i = 0; i < levels.Length; i++)
        {
            levels[i] = Math.Max(highest - 7, Math.Max(follow - 1.5, Math.Log10(0.01 + Energy[i])));
            highest = Math.Max(highest, levels[i]);
            follow = Math.Max(follow - 1.5, levels[i]);
        }
        return levels;
    }

    // The mean distance of each of the last frames from the one most like it.
    private double Variability() => _cepstra.Average(a => _cepstra.Where(b => b != a).Min(b => a.Zip(b, (x, y) => (x - y) * (x - y)).Sum()));
}
