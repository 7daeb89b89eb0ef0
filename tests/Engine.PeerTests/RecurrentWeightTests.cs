using Engine.Streaming;
using Engine.Tensors;
using Engine.Tests.Formats.CSources;
using Xunit.Abstractions;

namespace Engine.PeerTests;

/// <summary>The recurrent networks of RNNoise and Opus, with their published 8-bit weights, frame by frame.</summary>
public sealed class RecurrentWeightTests(ITestOutputHelper output)
{
    private const string Rnnoise = "rnnoise/rnn_data.c", Opus = "opus/mlp_data.c";
    private const int Frames = 300;

    /// <summary>
    /// A stream of frames, a frame a hop, with its state saved and restored on the way, gives the values of the published definition in double; the C programs' tanh, looked up in a table, moves them by less than 1e-5.
    /// </summary>
    [DataTheory(Rnnoise, Opus), InlineData(Rnnoise, 42, 256), InlineData(Opus, 25, 128)]
    public void Frames_one_by_one_give_the_published_values(string path, int features, int steps)
    {
        string file = Repository.Data(path), source = File.ReadAllText(file);
        PublishedNetwork exact = new(source, 1.0 / steps), lookup = new(source, 1.0 / steps, lookup: true);
        using var model = StreamModel.Load(file, new StreamOptions { Axis = 0, Hop = 1 });
        using var stream = model.CreateSession(new() { Session = new() { Threads = 1 } });
        Assert.All(model.Plan.Layers, l => Assert.Equal((StreamForm.Exact, 0), (l.Form, l.Delay)));
        var random = new Random(5);
        double error = 0, table = 0, largest = 0;
        for (int t = 0; t < Frames; t++)
        {
            float[] x = [.. Enumerable.Range(0, features).Select(_ => 4 * random.NextSingle() - 2)];
            Assert.Equal(1, stream.Push(x));
            var y = new List<float>();
            while (stream.TryRead(out var r)) y.AddRange(r.Values.Span<float>());
            double[] x64 = [.. x.Select(v => (double)v)], expected = Run(exact, x64), looked = Run(lookup, x64);
            Assert.Equal(expected.Length, y.Count);
            for (int i = 0; i < expected.Length; i++)
            {
                error = Math.Max(error, Math.Abs(expected[i] - y[i]));
                table = Math.Max(table, Math.Abs(expected[i] - looked[i]));
                largest = Math.Max(largest, expected[i]);
            }
            if (t % 7 == 0) stream.Restore(stream.Save());
        }
        output.WriteLine($"{path}: largest value {largest}, difference from double {error}, of the table from exact {table}");
        Assert.InRange(largest, 0.2, 1);
        Assert.InRange(error, 0, 1e-5);
        Assert.InRange(table, 1e-9, 1e-5);

        double[] Run(PublishedNetwork n, double[] x) => path == Rnnoise ? n.Rnnoise(x) : n.Opus(x);
    }
}
