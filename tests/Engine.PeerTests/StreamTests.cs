using Engine.Formats.Data;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>Models of others on a stream.</summary>
public sealed class StreamTests
{
    private const string Voice = "silero-vad/silero_vad.onnx", Clip = "speech/sense_and_sensibility_01_austen_64kb-0880.wav";
    private const int Hop = 512, Context = 64;

    /// <summary>State and context kept by the stream give what feeding both by hand gives, in chunks of any size, and after a restored state.</summary>
    [PeerFact(Voice, Clip)]
    public void Silero_vad_keeps_its_state_and_context()
    {
        float[] samples = WavFile.Read(Repository.Data(Clip)).Samples.Span<float>().ToArray();
        float[] expected = ByHand(samples);
        using var model = Model();
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
        var random = new Random(1);
        var actual = new List<float>();
        for (int at = 0; at < expected.Length * Hop;)
        {
            int n = Math.Min(1 + random.Next(2000), expected.Length * Hop - at);
            at += session.Push(samples.AsSpan(at, n));
            while (session.TryRead(out var r)) actual.Add(r.Values.Span<float>()[0]);
            if (random.Next(4) == 0) session.Restore(session.Save());
        }
        Assert.Equal(expected, actual);
    }

    /// <summary>Streams in batches, at different places of the speech, give what feeding state and context by hand gives.</summary>
    [PeerFact(Voice, Clip)]
    public void Silero_vad_runs_several_streams_as_a_batch()
    {
        const int Streams = 9;
        float[] samples = WavFile.Read(Repository.Data(Clip)).Samples.Span<float>().ToArray();
        using var model = Model();
        using var group = model.CreateGroup(new() { Width = 4 });
        Assert.Equal("", group.NotBatched);
        var slots = Enumerable.Range(0, Streams).Select(_ => group.Add()).ToArray();
        var actual = slots.Select(_ => new List<float>()).ToArray();
        int hops = samples.Length / Hop - Streams;
        for (int h = 0; h < hops; h++)
        {
            for (int i = 0; i < Streams; i++) slots[i].Push(samples.AsSpan((h + i) * Hop, Hop));
            Assert.Equal(Streams, group.Step());
            for (int i = 0; i < Streams; i++) while (slots[i].TryRead(out var r)) actual[i].Add(r.Values.Span<float>()[0]);
        }
        for (int i = 0; i < Streams; i++)
        {
            float[] expected = ByHand(samples[(i * Hop)..((i + hops) * Hop)]);
            Assert.Equal(expected.Length, actual[i].Count);
            for (int f = 0; f < expected.Length; f++) Assert.Equal(expected[f], actual[i][f], 1e-5f);
        }
    }

    private static StreamModel Model() => StreamModel.Load(Repository.Data(Voice), new StreamOptions
    {
        Input = "input",
        Axis = 1,
        Hop = Hop,
        Window = Hop + Context,
        PartialWindows = true,
        Shapes = new Dictionary<string, Shape> { ["input"] = new(1, Hop), ["state"] = new(2, 1, 128) },
        Constants = new Dictionary<string, Tensor> { ["sr"] = Tensor.Scalar(16000L) },
        Feedback = new Dictionary<string, string> { ["state"] = "stateN" },
    });

    private static float[] ByHand(float[] samples)
    {
        using var model = Engine.Model.Load(Repository.Data(Voice));
        using var session = model.CreateSession(new() { Threads = 1 });
        RuntimeValue state = Tensor.Allocate(DType.F32, new Shape(2, 1, 128));
        var results = new float[samples.Length / Hop];
        for (int f = 0; f < results.Length; f++)
        {
            var window = Tensor.Allocate(DType.F32, new Shape(1, Context + Hop));
            int from = Math.Max(0, f * Hop - Context);
            samples.AsSpan(from, (f + 1) * Hop - from).CopyTo(window.Span<float>()[(Context + Hop - ((f + 1) * Hop - from))..]);
            var y = session.Run(new Dictionary<string, RuntimeValue> { ["input"] = window, ["state"] = state, ["sr"] = Tensor.Scalar(16000L) });
            (results[f], state) = (((Tensor)y["output"]).Span<float>()[0], y["stateN"]);
        }
        return results;
    }
}
