using System.CommandLine;
using System.Globalization;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary><c>engine denoise</c>: RNNoise on a WAV file, frame by frame.</summary>
internal static class DenoiseCommand
{
    private const int Rate = 48000;

    private const string Examples = """
        engine denoise rnn_data.c noisy.wav -o clean.wav       speech without noise, at 48 kHz
        engine denoise rnn_data.c noisy.wav                    the probability of speech every 10 ms
        """;

    public static Command Create()
    {
        var model = CommonOptions.Model();
        var wav = new Argument<string>("wav") { Description = "Sound of one channel, at 48 kHz or a whole part of it", HelpName = "noisy.wav" };
        var output = new Option<string?>("--output", "-o") { Description = "Write the sound without noise to a .wav file; otherwise the probability of speech is printed, a line a frame of 10 ms", HelpName = "clean.wav" };
        var command = new Command("denoise", "Take noise away from speech with RNNoise's network") { model, wav, output };
        return command.Action(Examples, (p, cancellation) =>
        {
            string path = p.GetRequiredValue(model), source = p.GetRequiredValue(wav);
            EngineModel.RequireFile(path);
            var sound = WavFile.Read(source);
            if (sound.Channels != 1 || Rate % sound.SampleRate != 0) throw new DataFormatException($"has {sound.Channels} channels at {sound.SampleRate} Hz, expected one at {Rate} Hz or a whole part of it", source);
            float[] samples = Upsampling.By(Rate / sound.SampleRate, sound.Samples.Span<float>());
            float[] speech;
            using (var denoiser = EngineModel.Guard(path, () => new Denoiser(path))) (samples, speech) = Clean(denoiser, samples, cancellation);
            if (p.GetValue(output) is { } file) WavFile.Write(file, new(Tensor.From(new Shape(1, samples.Length), samples), Rate));
            else
                for (int i = 0; i < speech.Length; i++) Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(double)i * VoiceFrames.Frame / Rate:0.00},{speech[i]:0.000}"));
            return ExitCode.Ok;
        });
    }

    /// <summary>As many samples as there are, in time with them, and the probability of speech of each frame.</summary>
    internal static (float[] Samples, float[] Speech) Clean(Denoiser denoiser, ReadOnlySpan<float> samples, CancellationToken cancellation)
    {
        int frames = (samples.Length + VoiceFrames.Frame - 1) / VoiceFrames.Frame;
        // What comes out is a frame late.
        var all = new float[(frames + 1) * VoiceFrames.Frame];
        samples.CopyTo(all);
        var speech = new float[frames];
        for (int f = 0; f <= frames; f++)
        {
            cancellation.ThrowIfCancellationRequested();
            float probability = denoiser.Run(all.AsSpan(f * VoiceFrames.Frame, VoiceFrames.Frame));
            if (f < frames) speech[f] = probability;
        }
        return (all[VoiceFrames.Frame..(VoiceFrames.Frame + samples.Length)], speech);
    }
}
