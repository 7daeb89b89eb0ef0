using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Operators;

public class ContinualAttentionTests
{
    [Theory]
    [InlineData(4, 1)]
    [InlineData(3, 2)]
    [InlineData(2, 3)]
    public void StepsGiveTheAttentionOfTheNewestFrames(int rank, int frames)
    {
        const int Batch = 2, Heads = 3, Window = 5, Width = 4, ValueWidth = 3, Steps = 9;
        int batch = rank > 2 ? Batch : 1, units = batch * (rank > 3 ? Heads : 1);
        Shape Of(long rows, long wide) => new([.. new long[] { Batch, Heads }[..(rank - 2)], rows, wide]);
        Tensor Zeros(DType type, long wide) => Tensor.Allocate(type, Of(Window, wide));
        RuntimeValue[] single = [Zeros(DType.F32, Width + ValueWidth), Tensor.Allocate(DType.I64, new Shape(batch))], all = [Zeros(DType.F32, 2 * (Width + ValueWidth)), Zeros(DType.F64, 3), Tensor.Allocate(DType.I64, new Shape(batch))];
        var past = new List<(float[] Q, float[] K, float[] V)>();
        for (int step = 0; step < Steps; step++)
        {
            float[] q = TestData.Floats(units * frames * Width, 3 * step), k = TestData.Floats(units * frames * Width, 3 * step + 1), v = TestData.Floats(units * frames * ValueWidth, 3 * step + 2);
            RuntimeValue[] x = [Tensor.From(Of(frames, Width), q), Tensor.From(Of(frames, Width), k), Tensor.From(Of(frames, ValueWidth), v)];
            past.Add((q, k, v));
            var attributes = new Dictionary<string, object> { ["scale"] = 0.5f };
            var one = OpRunner.Run("SingleOutputAttention", 1, [.. x, .. single], attributes, 3, "engine");
            var rows = OpRunner.Run("RetroactiveAttention", 1, [.. x, .. all], attributes, 4, "engine");
            (single, all) = ([.. one.Skip(1).Select(t => t!)], [.. rows.Skip(1).Select(t => t!)]);
            Assert.Equal(Of(1, ValueWidth), ((Tensor)one[0]!).Shape);
            Assert.Equal(Of(Window, ValueWidth), ((Tensor)rows[0]!).Shape);
            for (int u = 0; u < units; u++)
                for (int i = 0; i < Window; i++)
                    for (int e = 0; e < ValueWidth; e++)
                    {
                        double expected = Expected(u, i, e);
                        Assert.Equal(expected, ((Tensor)rows[0]!).Span<float>()[(u * Window + i) * ValueWidth + e], 2e-5);
                        if (i == Window - 1) Assert.Equal(expected, ((Tensor)one[0]!).Span<float>()[u * ValueWidth + e], 2e-5);
                    }
        }

        // Frames before the first are zeros.
        float At(Func<(float[] Q, float[] K, float[] V), float[]> of, int wide, int u, int i, int e)
        {
            int frame = past.Count * frames - Window + i;
            return frame < 0 ? 0 : of(past[frame / frames])[(u * frames + frame % frames) * wide + e];
        }

        double Expected(int u, int i, int e)
        {
            double total = 0, sum = 0;
            for (int t = 0; t < Window; t++)
            {
                double score = 0;
                for (int c = 0; c < Width; c++) score += 0.5 * At(p => p.Q, Width, u, i, c) * At(p => p.K, Width, u, t, c);
                total += Math.Exp(score);
                sum += Math.Exp(score) * At(p => p.V, ValueWidth, u, t, e);
            }
            return sum / total;
        }
    }

    [Fact]
    public void WrongOperandsAreRefused()
    {
        static Tensor F(params long[] dims) => Tensor.Allocate(DType.F32, new Shape(dims));
        static Tensor I(params long[] dims) => Tensor.Allocate(DType.I64, new Shape(dims));
        void Refused(string op, int outputs, params RuntimeValue[] x) => Assert.Throws<OperatorException>(() => OpRunner.Run(op, 1, x, null, outputs, "engine"));
        Refused("SingleOutputAttention", 3, F(1, 2, 1, 4), F(1, 2, 1, 5), F(1, 2, 1, 4), F(1, 2, 6, 8), I(1));
        Refused("SingleOutputAttention", 3, F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 2, 4), F(1, 2, 6, 8), I(1));
        Refused("SingleOutputAttention", 3, F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 6, 9), I(1));
        Refused("SingleOutputAttention", 3, F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 6, 8), I(2));
        Refused("SingleOutputAttention", 3, F(1, 2, 0, 4), F(1, 2, 0, 4), F(1, 2, 0, 4), F(1, 2, 6, 8), I(1));
        Refused("SingleOutputAttention", 3, F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 0, 8), I(1));
        Refused("SingleOutputAttention", 1, F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 6, 8), I(1));
        Refused("SingleOutputAttention", 3, F(4), F(4), F(4), F(8), I(1));
        Refused("RetroactiveAttention", 4, F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 1, 4), F(1, 2, 6, 16), F(1, 2, 6, 3), I(1));
    }

    [Fact]
    public void BoundIsThatOfTheKernel() => Assert.Equal(RetroactiveF32.Bound, RetroactiveAttention.Bound);
}
