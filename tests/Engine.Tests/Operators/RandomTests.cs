using Engine.Tensors;

namespace Engine.Tests;

public class RandomTests
{
    [Fact]
    public void A_seed_fixes_the_numbers()
    {
        Tensor Draw(float seed) => OpRunner.One("RandomNormal", 1, [], new() { ["shape"] = new long[] { 4, 5000 }, ["seed"] = seed, ["mean"] = 2f, ["scale"] = 3f });
        var (a, b, c) = (Draw(1), Draw(1), Draw(1.5f));
        Assert.Equal(a.Bytes.ToArray(), b.Bytes.ToArray());
        Assert.NotEqual(a.Bytes.ToArray(), c.Bytes.ToArray());
        double mean = a.Span<float>().ToArray().Average(v => (double)v), deviation = Math.Sqrt(a.Span<float>().ToArray().Average(v => (v - mean) * (v - mean)));
        Assert.InRange(mean, 1.9, 2.1);
        Assert.InRange(deviation, 2.9, 3.1);
    }

    [Fact]
    public void Uniform_numbers_lie_in_their_range()
    {
        var x = Tensor.Allocate(DType.F64, new Shape(1000));
        var y = OpRunner.One("RandomUniformLike", 1, [x], new() { ["low"] = -1f, ["high"] = 3f });
        Assert.Equal(DType.F64, y.DType);
        Assert.All(y.Span<double>().ToArray(), v => Assert.InRange(v, -1, 3));
        Assert.Equal(DType.F16, OpRunner.One("RandomUniform", 1, [], new() { ["shape"] = new long[] { 3 }, ["dtype"] = (long)DType.F16 }).DType);
    }

    [Fact]
    public void Dropout_passes_data_and_a_mask()
    {
        var x = Tensor.Vector(1f, 2, 3);
        var y = OpRunner.Run("Dropout", 13, [x], outputs: 2);
        Assert.Equal([1, 2, 3], ((Tensor)y[0]!).Span<float>().ToArray());
        Assert.Equal([1, 1, 1], ((Tensor)y[1]!).Bytes.ToArray());
        Assert.Equal([1, 1, 1], ((Tensor)OpRunner.Run("Dropout", 7, [x], outputs: 2)[1]!).Span<float>().ToArray());
        Assert.Equal([1, 2, 3], OpRunner.One("Dropout", 13, [x, Tensor.Scalar(0f), Tensor.Scalar(true)]).Span<float>().ToArray());
    }

    [Fact]
    public void Training_drops_the_stated_share()
    {
        var x = Tensor.Vector<float>(Enumerable.Repeat(1f, 10000).ToArray());
        var y = OpRunner.Run("Dropout", 13, [x, Tensor.Scalar(0.25f), Tensor.Scalar(true)], new() { ["seed"] = 7L }, 2);
        var (v, m) = (((Tensor)y[0]!).Span<float>().ToArray(), ((Tensor)y[1]!).Bytes.ToArray());
        Assert.InRange(m.Count(b => b == 0), 2300, 2700);
        Assert.All(v.Zip(m), p => Assert.Equal(p.Second == 0 ? 0 : 1 / 0.75f, p.First, 5));
        Assert.Throws<OperatorException>(() => OpRunner.One("Dropout", 13, [x, Tensor.Scalar(1f), Tensor.Scalar(true)]));
    }

    [Fact]
    public void Draws_follow_their_probabilities()
    {
        var p = Tensor.Vector<float>(Enumerable.Repeat(0.3f, 10000).ToArray());
        Assert.InRange(OpRunner.One("Bernoulli", 15, [p], new() { ["seed"] = 1f, ["dtype"] = (long)DType.Bool }).Bytes.ToArray().Count(b => b == 1), 2800, 3200);
        Assert.InRange(OpRunner.One("Bernoulli", 15, [p], new() { ["seed"] = 1f, ["dtype"] = (long)DType.I32 }).Span<int>().ToArray().Sum(), 2800, 3200);
        var logits = Tensor.From(new Shape(2, 3), new[] { MathF.Log(1), MathF.Log(2), MathF.Log(7), -50, 0, -50 });
        var draws = OpRunner.One("Multinomial", 7, [logits], new() { ["sample_size"] = 10000L, ["seed"] = 3f }).Span<int>().ToArray();
        Assert.InRange(draws[..10000].Count(d => d == 2), 6800, 7200);
        Assert.All(draws[10000..], d => Assert.Equal(1, d));
    }
}
