using System.Numerics;
using Engine.Formats.CSources;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>
/// RNNoise around its network: a stream of features, a frame a hop, whose gains weigh the bands of each frame's spectrum. Frames are 480 samples of −1 to 1 at 48 kHz; what comes out is a frame late. Voiced sound is first
/// made clearer by adding the spectrum of a period earlier (Valin, "A hybrid DSP/deep learning approach to real-time full-band speech enhancement", 2018).
/// </summary>
internal sealed class Denoiser : IDisposable
{
    private const double Scale = 32768, Decay = 0.6;

    private readonly StreamModel _model;
    private readonly StreamSession _stream;
    private readonly VoiceFrames _frames = new();
    private readonly double[] _tail = new double[VoiceFrames.Frame], _gains = new double[BarkBands.Count];
    private double _filter0, _filter1;

    /// <summary>Takes a network of 42 features, 22 gains and a probability of speech.</summary>
    public Denoiser(string path)
    {
        _model = StreamModel.Load(path, new StreamOptions { Axis = 0, Hop = 1 });
        try
        {
            var outputs = _model.Plan.Outputs;
            if (_model.Plan.Input.Type.Shape != new Shape(1, 1, CSourceReader.RnnoiseFeatures) || outputs.Count != 2 || outputs[0].Pulse?.Type.Shape[2] != BarkBands.Count || outputs[1].Pulse?.Type.Shape[2] != 1)
                throw new InvalidModelException($"takes {_model.Plan.Input.Type} and gives {string.Join(", ", outputs.Select(o => o.Pulse?.Type))}; expected RNNoise's 42 features, 22 gains and probability of speech", path);
            _stream = _model.CreateSession(new() { Session = new() { Threads = 1 } });
        }
        catch
        {
            _model.Dispose();
            throw;
        }
    }

    /// <summary>Cleans a frame in place; the probability of speech in it.</summary>
    public float Run(Span<float> frame)
    {
        var x = new double[frame.Length];
        for (int i = 0; i < x.Length; i++) x[i] = HighPass(Scale * frame[i]);
        float speech = _frames.Take(x) is { } features ? Weigh(features) : 0;
        double[] y = _frames.Back(_frames.Spectrum);
        for (int i = 0; i < frame.Length; i++)
        {
            frame[i] = (float)((VoiceFrames.Weight(i) * y[i] + _tail[i]) / Scale);
            _tail[i] = VoiceFrames.Weight(frame.Length + i) * y[frame.Length + i];
        }
        return speech;
    }

    private float Weigh(float[] features)
    {
        _stream.Push(features);
        var gains = new float[BarkBands.Count];
        float speech = 0;
        while (_stream.TryRead(out var r))
            if (r.FrameElements == gains.Length) r.CopyTo(gains.AsSpan());
            else speech = r.Values.Span<float>()[0];
        double[] g = [.. gains.Select(v => (double)v)];
        var voiced = Voiced(g);
        for (int i = 0; i < g.Length; i++) _gains[i] = g[i] = Math.Max(g[i], Decay * _gains[i]);
        Array.Clear(_frames.Spectrum);
        BarkBands.AddScaled(g, voiced, _frames.Spectrum);
        return speech;
    }

    // The spectrum with that of a period earlier where they are alike, its bands' energies as they were.
    private Complex[] Voiced(double[] gains)
    {
        var f = _frames;
        var part = new double[BarkBands.Count];
        for (int i = 0; i < part.Length; i++)
        {
            double likeness = f.Likeness[i], square = likeness * likeness, gain = gains[i] * gains[i];
            part[i] = (likeness > gains[i] ? 1 : Math.Sqrt(Math.Clamp(square * (1 - gain) / (0.001 + gain * (1 - square)), 0, 1))) * Math.Sqrt(f.Energy[i] / (1e-8 + f.EarlierEnergy[i]));
        }
        Complex[] sum = [.. f.Spectrum], scaled = new Complex[sum.Length];
        BarkBands.AddScaled(part, f.Earlier, sum);
        double[] energy = BarkBands.Products(sum, sum);
        BarkBands.AddScaled([.. energy.Select((e, i) => Math.Sqrt(f.Energy[i] / (1e-8 + e)))], sum, scaled);
        return scaled;
    }

    // A second-order high-pass at some 20 Hz.
    private double HighPass(double x)
    {
        double y = x + _filter0;
        (_filter0, _filter1) = (_filter1 - 2 * x + 1.99599 * y, x - 0.996 * y);
        return y;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _model.Dispose();
    }
}
