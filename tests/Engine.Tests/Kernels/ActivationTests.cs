using Engine.Kernels;

namespace Engine.Tests;

public class ActivationTests
{
    private static readonly (Activation Act, Func<double, double> F)[] s_functions =
    [
        (Activation.Relu, x => Math.Max(x, 0)),
        (Activation.Clip(-1, 2), x => Math.Clamp(x, -1, 2)),
        (Activation.Sigmoid, x => 1 / (1 + Math.Exp(-x))),
        (Activation.Tanh, Math.Tanh),
        (new(ActivationKind.ScaledTanh, 0.5f, 2), x => 0.5 * Math.Tanh(2 * x)),
        (new(ActivationKind.Affine, 2, 1), x => 2 * x + 1),
        (new(ActivationKind.LeakyRelu, 0.125f), x => x < 0 ? 0.125 * x : x),
        (new(ActivationKind.ThresholdedRelu, 1), x => x > 1 ? x : 0),
        (new(ActivationKind.HardSigmoid, 0.25f, 0.5f), x => Math.Clamp(0.25 * x + 0.5, 0, 1)),
        (new(ActivationKind.HardSwish), x => x * Math.Clamp(x / 6 + 0.5, 0, 1)),
        (new(ActivationKind.Elu, 1.5f), x => x < 0 ? 1.5 * (Math.Exp(x) - 1) : x),
        (new(ActivationKind.Celu, 2), x => Math.Max(x, 0) + Math.Min(0, 2 * (Math.Exp(x / 2) - 1))),
        (new(ActivationKind.Selu, 1.5f, 2), x => 2 * (x > 0 ? x : 1.5 * (Math.Exp(x) - 1))),
        (new(ActivationKind.Softplus), x => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)))),
        (new(ActivationKind.Softsign), x => x / (1 + Math.Abs(x))),
        (new(ActivationKind.Gelu), x => 0.5 * x * (1 + ScalarMath.Erf(x / Math.Sqrt(2)))),
        (new(ActivationKind.GeluTanh), x => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))),
        (Activation.Silu, x => x / (1 + Math.Exp(-x))),
        (new(ActivationKind.Mish), x => x * Math.Tanh(Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x))))),
    ];

    [Fact]
    public void Every_kind_matches_binary64()
    {
        Assert.Equal(Enum.GetValues<ActivationKind>().Length - 1, s_functions.Length);
        foreach (var (a, f) in s_functions)
            for (int n = 0; n < 20; n++)
            {
                var r = new Random(n);
                var x = new float[n * 5];
                for (int i = 0; i < x.Length; i++) x[i] = (float)(r.NextDouble() * 24 - 12);
                var y = new float[x.Length];
                a.Apply(x, y);
                for (int i = 0; i < x.Length; i++)
                {
                    double e = f(x[i]);
                    Assert.True(Math.Abs(y[i] - e) <= 4e-7 * Math.Max(1, Math.Abs(x[i])), $"{a}({x[i]}) = {y[i]}, expected {e}");
                    Assert.Equal(y[i], a.Apply(x[i]));
                }
            }
    }

    [Fact]
    public void Every_kind_keeps_NaN()
    {
        foreach (var (a, _) in s_functions) Assert.True(float.IsNaN(a.Apply(float.NaN)), a.ToString());
    }

    [Theory]
    [InlineData(ActivationKind.Sigmoid, 2)]
    [InlineData(ActivationKind.Tanh, 3)]
    [InlineData(ActivationKind.Elu, 3)]
    public void Results_are_within_a_few_ulp(ActivationKind kind, int ulp)
    {
        var (a, f) = s_functions.First(p => p.Act.Kind == kind);
        a = a with { P0 = a.P0 == 0 ? 0 : 1 };
        if (kind == ActivationKind.Elu) f = x => x < 0 ? ScalarMath.Expm1(x) : x;
        for (double v = -80; v < 80; v += 0.00731)
        {
            float x = (float)v, y = a.Apply(x);
            double e = f(x);
            Assert.True(Math.Abs(y - e) <= ulp * Math.Max(Math.ScaleB(1, -149), MathF.BitIncrement(Math.Abs((float)e)) - Math.Abs((float)e)), $"{kind}({x}) = {y:g9}, expected {e:g9}");
        }
    }

    [Fact]
    public void Saturation_is_exact()
    {
        Assert.Equal(0, Activation.Sigmoid.Apply(float.NegativeInfinity));
        Assert.Equal(1, Activation.Sigmoid.Apply(float.PositiveInfinity));
        Assert.Equal(-1, Activation.Tanh.Apply(-100));
        Assert.Equal(1, Activation.Tanh.Apply(float.PositiveInfinity));
        Assert.Equal(500, new Activation(ActivationKind.Softplus).Apply(500));
        Assert.Equal(-1, new Activation(ActivationKind.Elu, 1).Apply(float.NegativeInfinity));
    }
}
