using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

public class RecurrentTests
{
    [Theory]
    [InlineData("LSTM", 4, 0)]
    [InlineData("GRU", 3, 0)]
    [InlineData("RNN", 1, 0)]
    [InlineData("LSTM", 4, 2)]
    [InlineData("GRU", 3, 1)]
    public void StateGoesFromHopToHop(string op, int gates, int lookAhead)
    {
        const int Length = 50, Inputs = 3, Hidden = 5;
        ModelGraph Network()
        {
            var b = new GraphBuilder();
            var x = b.Input("x", DType.F32);
            Value W(int seed, params long[] dims) => b.Constant(Tensor.From(new Shape(dims), TestData.Floats((int)new Shape(dims).Elements, seed)));
            // A convolution that looks ahead makes what reaches the cell late; [1, C, T] becomes [T, 1, C].
            x = b.Op("Conv", 13, [x, W(1, Inputs, Inputs, 2 * lookAhead + 1)], new() { ["pads"] = new long[] { lookAhead, lookAhead } });
            x = b.Op("Transpose", 13, [x], new() { ["perm"] = new long[] { 2, 0, 1 } });
            var y = b.Ops(op, 14, [x, W(2, 1, gates * Hidden, Inputs), W(3, 1, gates * Hidden, Hidden), W(4, 1, 2 * gates * Hidden), null, W(5, 1, 1, Hidden)], new() { ["hidden_size"] = (long)Hidden }, 1)[0];
            b.Output(b.Op("Transpose", 13, [b.Op("Squeeze", 13, [y, b.Constant(Tensor.Vector<long>(1))])], new() { ["perm"] = new long[] { 1, 2, 0 } }));
            return b.Graph;
        }

        var input = new Shape(1, Inputs, Length);
        var signal = Tensor.From(input, TestData.Floats(Inputs * Length, 9));
        var whole = StreamRunner.Whole(Network(), signal);
        float[] expected = StreamRunner.Samples(whole, 2);
        foreach (int hop in (int[])[1, 3, 8])
        {
            using var model = StreamRunner.Model(Network(), input, 2, hop);
            using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
            for (int again = 0; again < 2; again++)
            {
                var frames = StreamRunner.Stream(session, signal, 2, new Random(hop));
                Assert.Equal(Length, frames.Count);
                for (int f = 0; f < Length; f++)
                    for (int i = 0; i < Hidden; i++) Assert.Equal(expected[f * Hidden + i], frames[f][i], 1e-5f);
                session.Reset();
            }
        }
    }
}
