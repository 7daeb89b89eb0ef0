using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Networks of 8-bit codes on a stream: the same codes.</summary>
public class CodeStreamTests
{
    private const float Step = 0.2f;

    [Theory]
    [InlineData(DType.U8, 3)]
    [InlineData(DType.I8, 16)]
    public void CodesAreThoseOfTheWholeSignal(DType code, int channels)
    {
        const int Length = 48, Wide = 16;
        ModelGraph Network()
        {
            var b = new GraphBuilder();
            var x = b.Input("x", DType.F32);
            Value Scalar(float v) => b.Constant(Tensor.Scalar(v));
            Value Zero(DType t, int v) => b.Constant(t == DType.U8 ? Tensor.Scalar((byte)v) : Tensor.Scalar((sbyte)v));
            Value Round(Value v, float scale) => b.Op("DequantizeLinear", 13, [b.Op("QuantizeLinear", 13, [v, Scalar(scale), Zero(code, code == DType.U8 ? 120 : -3)]), Scalar(scale), Zero(code, code == DType.U8 ? 120 : -3)]);
            Value Weights(int seed, params long[] dims)
            {
                var random = new Random(seed);
                var w = new sbyte[new Shape(dims).Elements];
                for (int i = 0; i < w.Length; i++) w[i] = (sbyte)random.Next(-127, 128);
                return b.Op("DequantizeLinear", 13, [b.Constant(Tensor.From(new Shape(dims), w)), Scalar(0.01f), Zero(DType.I8, 0)]);
            }
            x = Round(x, 0.01f);
            x = Round(b.Op("Relu", 13, [b.Op("Conv", 13, [x, Weights(1, Wide, channels, 3, 1)], new() { ["pads"] = new long[] { 2, 0, 0, 0 } })]), 0.05f);
            x = Round(b.Op("Conv", 13, [x, Weights(2, Wide, Wide, 3, 1)], new() { ["pads"] = new long[] { 1, 0, 1, 0 }, ["strides"] = new long[] { 2, 1 } }), Step);
            b.Output(x);
            return b.Graph;
        }

        var input = new Shape(1, channels, Length, 2);
        var signal = Tensor.From(input, TestData.Floats((int)input.Elements, 4));
        float[] expected = StreamRunner.Samples(StreamRunner.Whole(Network(), signal), 2);
        foreach (int hop in (int[])[2, 8])
        {
            using var model = StreamRunner.Model(Network(), input, 2, hop);
            using var session = model.CreateSession(new() { Session = new() { Threads = 1 } });
            float[] frames = [.. StreamRunner.Stream(session, signal, 2, new Random(hop)).SelectMany(f => f)];
            Assert.Equal(expected.Length, frames.Length);
            // A hop may be computed by another kernel than the whole signal, in f32 where that is faster: sums at the middle between two codes then go either way.
            int other = 0;
            for (int i = 0; i < frames.Length; i++)
            {
                Assert.Equal(expected[i], frames[i], Step + 1e-5f);
                if (Math.Abs(expected[i] - frames[i]) > 1e-5f) other++;
            }
            Assert.InRange(other, 0, frames.Length / 50);
        }
    }
}
