using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

public class ActivationMapTests
{
    [Theory]
    [InlineData("Relu"), InlineData("Sigmoid"), InlineData("Tanh"), InlineData("LeakyRelu"), InlineData("ThresholdedRelu"), InlineData("HardSigmoid"), InlineData("HardSwish"), InlineData("Elu")]
    [InlineData("Celu"), InlineData("Selu"), InlineData("Softplus"), InlineData("Softsign"), InlineData("Gelu"), InlineData("Mish")]
    public void A_fused_activation_equals_its_operator(string op)
    {
        Assert.True(ActivationsCpu.TryMap(OperatorRegistry.Standard.Create("", op, new Attributes(20), op), out var activation));
        float[] x = [.. Enumerable.Range(-20, 43).Select(i => i * 0.37f)];
        float[] expected = OpRunner.One(op, 20, [Tensor.Vector<float>(x)]).Span<float>().ToArray();
        activation.Apply(x);
        Assert.Equal(expected, x);
    }

    [Fact]
    public void A_clip_fuses_when_its_bounds_are_known()
    {
        Assert.True(ActivationsCpu.TryMap(Clip.Of(0, 6), out var six));
        Assert.Equal(Activation.Clip(0, 6), six);
        Assert.False(ActivationsCpu.TryMap(new Clip(new Attributes(13)), out _));
        Assert.False(ActivationsCpu.TryMap(new Exp(Attributes.None), out _));
    }

    [Fact]
    public void Results_may_overwrite_operands()
    {
        var r = new Random(1);
        float[] a = [.. Enumerable.Range(0, 4000).Select(_ => (float)r.NextDouble())], b = [.. a.Reverse()], expected = new float[4000], inPlace = [.. a];
        var plan = new BroadcastPlan(new Shape(40, 100), new Shape(40, 100), new Shape(40, 100));
        BinaryLoop.Simd(Workers.Single, plan, default(SubOp), a, b, expected);
        BinaryLoop.Simd(Workers.Single, plan, default(SubOp), inPlace, b, inPlace);
        Assert.Equal(expected, inPlace);
        b.CopyTo(inPlace, 0);
        BinaryLoop.Simd(Workers.Single, plan, default(SubOp), a, inPlace, inPlace);
        Assert.Equal(expected, inPlace);
    }
}
