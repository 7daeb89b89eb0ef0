using Engine.Formats.Data;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>The trained models of sensors: every layer has a streaming form, and a stream gives what the whole signal does.</summary>
public class TrainedStreamTests
{
    [Theory]
    [InlineData("keywords/model.onnx", "keywords", 320, 10, 1e-5f)]
    [InlineData("keywords/model-int8.onnx", "keywords", 320, 10, 1e-5f)]
    [InlineData("ecg-beats/model.onnx", "ecg-beats", 4, 1, 1e-5f)]
    public void StreamEqualsWholeSignal(string file, string folder, int hop, int values, float tolerance)
    {
        string path = Path.Combine(Repository.Root, "bench", "models", file);
        var signal = NpyFile.Read(Path.Combine(Repository.Root, "bench", "models", folder, "input.npy"));
        float[] whole;
        using (var model = Model.Load(path))
        using (var session = model.CreateSession(new() { Threads = 1 }))
            whole = StreamRunner.Samples((Tensor)session.Run(new Dictionary<string, RuntimeValue> { [model.Inputs[0].Name] = signal }).Values.Single(), 2);

        using var stream = StreamModel.Load(path, new() { Axis = 2 });
        Assert.Equal(hop, stream.Plan.Hop);
        Assert.All(stream.Plan.Layers, l => Assert.Equal(StreamForm.Exact, l.Form));
        using var s = stream.CreateSession(new() { Session = new() { Threads = 1 } });
        var frames = StreamRunner.Stream(s, signal, 2, new Random(1));
        Assert.Equal(signal.Shape[2] / hop, frames.Count);
        float[] actual = [.. frames.SelectMany(f => f)];
        Assert.Equal(whole.Length, frames.Count * values);
        for (int i = 0; i < whole.Length; i++) Assert.Equal(whole[i], actual[i], tolerance);
    }
}
