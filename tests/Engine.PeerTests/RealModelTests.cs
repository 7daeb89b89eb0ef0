using Engine.Formats.Data;
using Engine.Formats.Onnx;
using Engine.Peers;
using Engine.Tensors;
using Xunit.Abstractions;

namespace Engine.PeerTests;

/// <summary>Real models on real input, against ONNX Runtime.</summary>
[Collection(AccuracyCollection.Name)]
public sealed class RealModelTests(AccuracyTable table, ITestOutputHelper output)
{
    private const string Voice = "silero-vad/silero_vad.onnx", Clip = "speech/sense_and_sensibility_01_austen_64kb-0870.wav";
    private const string Front = "blazeface/front.onnx", Back = "blazeface/back.onnx", Lines = "mlsd/mlsd_320x320_tiny.onnx", Picture = "pictures/astronaut.png";

    /// <summary>Each runtime carries the state that it computed itself: differences may add up over the clip.</summary>
    [PeerFact(Voice, Clip)]
    public void Silero_vad_follows_a_clip_with_its_own_state() => RunVoice(own: true);

    /// <summary>Both runtimes get the state that ONNX Runtime computed.</summary>
    [PeerFact(Voice, Clip)]
    public void Silero_vad_follows_a_clip_fed_alike() => RunVoice(own: false);

    private void RunVoice(bool own)
    {
        const int context = 64, hop = 512;
        const double bound = 1e-4;
        using var model = EngineModel.Load(Repository.Data(Voice));
        using var peer = OrtModel.Load(Repository.Data(Voice));
        var sound = WavFile.Read(Repository.Data(Clip));
        Assert.Equal((1, 16000), (sound.Channels, sound.SampleRate));
        var samples = sound.Samples.Span<float>();

        var rate = Tensor.Scalar(16000L);
        Tensor state = Tensor.Allocate(DType.F32, new Shape(2, 1, 128)), peerState = state.Clone();
        var speech = new Difference();
        var states = new Difference();
        int frames = samples.Length / hop, spoken = 0;
        for (int f = 0; f < frames; f++)
        {
            var window = Tensor.Allocate(DType.F32, new Shape(1, context + hop));
            int start = f * hop - context;
            int missing = Math.Max(0, -start);
            samples[(start + missing)..(f * hop + hop)].CopyTo(window.Span<float>()[missing..]);

            var expected = peer.Run(window, peerState, rate);
            var actual = model.Run(window, state, rate);
            speech.Add(expected[0], actual[0]);
            states.Add(expected[1], actual[1]);
            if (actual[0].Span<float>()[0] > 0.5f) spoken++;
            peerState = expected[1];
            state = own ? actual[1] : expected[1];
        }
        string how = own ? "its own state" : "fed alike";
        output.WriteLine(table.AddPeer("Silero VAD v6", $"{frames} frames of speech", $"probability, {how}, absolute", speech.Absolute, bound, speech.Count));
        output.WriteLine(table.AddPeer("Silero VAD v6", $"{frames} frames of speech", $"state, {how}, absolute", states.Absolute, bound, states.Count));
        output.WriteLine($"speech in {spoken} of {frames} frames");
        Assert.True(spoken > frames * 3 / 4, $"speech in {spoken} of {frames} frames of a reading voice");
        Assert.InRange(speech.Absolute, 0, bound);
        Assert.InRange(states.Absolute, 0, bound);
    }

    [PeerTheory(Front, Back, Picture)]
    [InlineData("BlazeFace front", Front, 128)]
    [InlineData("BlazeFace back", Back, 256)]
    public void Finds_faces(string name, string file, int size)
    {
        var face = new ImagePreprocessing { Size = (size, size), Channels = 3, Scale = 1 / 127.5, Mean = [1], Layout = ImageLayout.Nhwc };
        RunPicture(name, file, face.Apply(ImageFile.Read(Repository.Data(Picture))));
    }

    [PeerFact(Lines, Picture)]
    public void Finds_lines()
    {
        // The model takes samples of 0 to 255 and, as a fourth channel, ones.
        var rgba = new ImagePreprocessing { Size = (320, 320), Channels = 4, Scale = 1, Layout = ImageLayout.Nhwc }.Apply(ImageFile.Read(Repository.Data(Picture)));
        var v = rgba.Span<float>();
        for (int i = 3; i < v.Length; i += 4) v[i] = 1;
        RunPicture("M-LSD 320 tiny", Lines, rgba);
    }

    private void RunPicture(string name, string file, Tensor picture)
    {
        const double bound = 1e-3;
        using var model = EngineModel.Load(Repository.Data(file));
        using var peer = OrtModel.Load(Repository.Data(file));
        var expected = peer.Run(picture);
        var actual = model.Run(picture);
        double worst = 0;
        for (int i = 0; i < expected.Count; i++)
        {
            var d = new Difference();
            d.Add(expected[i], actual[i]);
            worst = Math.Max(worst, d.Relative);
            output.WriteLine(table.AddPeer(name, "astronaut.png", $"{peer.Outputs[i].Name}, relative to its largest", d.Relative, bound, d.Count));
        }
        Assert.InRange(worst, 0, bound);
    }

    public static TheoryData<string> OwnModels => [.. Directory.GetDirectories(Repository.Model("")).Where(d => File.Exists(Path.Combine(d, "model.onnx"))).Select(d => Path.GetFileName(d)!).Order()];

    [PeerTheory, MemberData(nameof(OwnModels))]
    public void Own_model(string name)
    {
        const double bound = 1e-5;
        string path = Repository.Model($"{name}/model.onnx");
        using var model = EngineModel.Load(path);
        using var peer = OrtModel.Load(path);
        var worst = new Difference();
        foreach (var set in OnnxTestCases.Find(Repository.Model(name)).Single().DataSets)
        {
            Tensor[] inputs = [.. set.Inputs.Select(f => (Tensor)OnnxTensorFile.Read(f))];
            foreach (var (e, a) in peer.Run(inputs).Zip(model.Run(inputs))) worst.Add(e, a);
        }
        output.WriteLine(table.AddPeer(name, "its test data", "relative to max(1, value)", worst.Mixed, bound, worst.Count));
        Assert.InRange(worst.Mixed, 0, bound);
    }
}
