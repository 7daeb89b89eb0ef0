using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Tests.Operators;

public class DelayTests
{
    [Theory]
    [InlineData(0, 0, 5)]
    [InlineData(2, 0, 3)]
    [InlineData(0, 4, 3)]
    [InlineData(3, 2, 4)]
    [InlineData(1, 9, 2)]
    public void HopsAreTheSignalLaterWithOldFrames(int extra, int overlap, int hop)
    {
        const int Rows = 6, Inner = 3, Hops = 7;
        float[] signal = TestData.Floats(Rows * Hops * hop * Inner, extra + 10 * overlap);
        float At(int row, int frame, int i) => frame < 0 ? 0 : signal[(row * Hops * hop + frame) * Inner + i];
        var state = Tensor.Allocate(DType.F32, new Shape(Rows, extra + overlap, Inner));
        state.Bytes.Clear();
        for (int h = 0; h < Hops; h++)
        {
            var x = Tensor.Allocate(DType.F32, new Shape(Rows, hop, Inner));
            for (int r = 0; r < Rows; r++) signal.AsSpan((r * Hops * hop + h * hop) * Inner, hop * Inner).CopyTo(x.Span<float>().Slice(r * hop * Inner, hop * Inner));
            var results = Run(1, extra, overlap, 0, 0, [x, state], 2);
            var y = results[0];
            Assert.Equal(new Shape(Rows, hop + overlap, Inner), y.Shape);
            for (int r = 0; r < Rows; r++)
                for (int f = 0; f < hop + overlap; f++)
                    for (int i = 0; i < Inner; i++)
                        Assert.Equal(At(r, h * hop + f - extra - overlap, i), y.Span<float>()[(r * (hop + overlap) + f) * Inner + i]);
            state = results[1];
        }
    }

    [Theory]
    [InlineData(DType.F32, 0f)]
    [InlineData(DType.F32, float.NegativeInfinity)]
    [InlineData(DType.F64, 1.5f)]
    [InlineData(DType.U8, float.NegativeInfinity)]
    [InlineData(DType.I8, 7f)]
    public void FramesOutsideTheSignalArePadding(DType type, float pad)
    {
        var x = ScalarValue.Fill(type, new Shape(2, 3, 4), 1);
        var visible = Tensor.From(new Shape(2, 2, 2), new long[] { 0, 4, 1, 3, 0, 4, -5, 9 });
        var y = Run(2, 0, 0, 1, pad, [x, null, visible], 1)[0];
        byte[] one = ScalarValue.Encode(type, 1), padded = ScalarValue.Encode(type, type == DType.U8 ? 0 : pad);
        int size = (int)type.ByteCount(1);
        for (int i = 0; i < y.Shape.Count; i++)
        {
            // The second stream is visible throughout.
            bool seen = i >= 12 || i % 4 is 1 or 2;
            Assert.True(y.Bytes.Slice(i * size, size).SequenceEqual((seen ? one : padded).AsSpan(0, size)), $"element {i}");
        }
    }

    private static Tensor[] Run(int axis, int extra, int overlap, int index, float pad, IReadOnlyList<RuntimeValue?> inputs, int outputs) =>
        [.. OpRunner.Run("Delay", 1, inputs, new(Delay.Of(axis, extra, overlap, index, pad).Attributes.Values), outputs, "engine").Select(t => (Tensor)t!)];

    [Fact]
    public void WrongStatesAndRangesAreRefused()
    {
        var x = Tensor.Allocate(DType.F32, new Shape(2, 3, 4));
        Assert.Throws<OperatorException>(() => Run(2, 1, 2, 0, 0, [x, Tensor.Allocate(DType.F32, new Shape(2, 3, 3))], 2));
        Assert.Throws<OperatorException>(() => Run(2, 0, 0, 2, 0, [x, null, Tensor.Allocate(DType.I64, new Shape(1, 2, 2))], 1));
        Assert.Throws<OperatorException>(() => Run(2, 0, 0, 0, 0, [x, null, Tensor.Allocate(DType.I64, new Shape(3, 2, 2))], 1));
        Assert.Throws<OperatorException>(() => Run(3, 0, 0, 0, 0, [x], 1));
        Assert.Throws<OperatorException>(() => Delay.Of(2, -1, 0, 0, 0));
    }
}
