using System.Threading.Channels;
using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

public class StreamAdapterTests
{
    private const int Length = 100;

    private static StreamModel Model()
    {
        var b = new GraphBuilder();
        var x = b.Op("Conv", 13, [b.Input("x", DType.F32), b.Constant(Tensor.From(new Shape(2, 1, 3), TestData.Floats(6, 1)))], new() { ["pads"] = new long[] { 1, 1 } });
        b.Output(x);
        return StreamModel.Create(new ModelDefinition(b.Graph), new StreamOptions { Axis = 2, Hop = 4, Shapes = new Dictionary<string, Shape> { ["x"] = new(1, 1, 4) } });
    }

    private static async IAsyncEnumerable<ReadOnlyMemory<float>> Chunks(float[] signal)
    {
        for (int at = 0, n = 1; at < signal.Length; at += n, n = n % 9 + 1)
        {
            await Task.Yield();
            yield return signal.AsMemory(at, Math.Min(n, signal.Length - at));
        }
    }

    [Fact]
    public async Task Every_frame_comes_once_and_in_order()
    {
        using var model = Model();
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 }, Queue = 1 });
        var frames = new List<StreamFrames>();
        await foreach (var f in session.RunAsync(Chunks(TestData.Floats(Length, 2)))) frames.Add(f);
        Assert.Equal(Length, frames.Sum(f => f.Frames));
        long next = 0;
        foreach (var f in frames)
        {
            Assert.Equal(next, f.Index);
            Assert.Equal(2 * f.Frames, f.Values.Length);
            next += f.Frames;
        }
    }

    [Fact]
    public async Task Channels_hold_the_stream_back_and_carry_errors()
    {
        using var model = Model();
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
        var from = Channel.CreateBounded<ReadOnlyMemory<float>>(1);
        var to = Channel.CreateBounded<StreamFrames>(1);
        var run = session.PipeAsync(from.Reader, to.Writer);
        var feed = Task.Run(async () =>
        {
            await foreach (var chunk in Chunks(TestData.Floats(Length, 2))) await from.Writer.WriteAsync(chunk);
            from.Writer.Complete();
        });
        int frames = 0;
        await foreach (var f in to.Reader.ReadAllAsync()) frames += f.Frames;
        await Task.WhenAll(run, feed);
        Assert.Equal(Length, frames);

        session.Reset();
        from = Channel.CreateUnbounded<ReadOnlyMemory<float>>();
        to = Channel.CreateUnbounded<StreamFrames>();
        from.Writer.Complete(new InvalidDataException("the sensor went away"));
        await Assert.ThrowsAsync<InvalidDataException>(() => session.PipeAsync(from.Reader, to.Writer));
        await Assert.ThrowsAsync<InvalidDataException>(async () => await to.Reader.Completion);
    }
}
