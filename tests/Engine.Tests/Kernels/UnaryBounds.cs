using Engine.Kernels;

namespace Engine.Tests;

/// <summary>The stated accuracy of a function of one f32, as in docs/math.md: |result − exact| ≤ Ulp · ulp(exact) + Floor, with parameters P0 and P1.</summary>
internal sealed record UnaryBound(string Stem, double Ulp, double Floor = 0, float P0 = 0, float P1 = 0)
{
    /// <summary>2⁻¹²⁶, the smallest normal number: where factors turn subnormal, products of them lose digits.</summary>
    public const double Tiny = 1.1754943508222875e-38;

    public static IReadOnlyList<UnaryBound> All { get; } =
    [
        new("exp-f32", 1), new("log-f32", 2), new("erf-f32", 1.1), new("relu-f32", 0), new("clip-f32", 0, 0, -1, 2), new("sigmoid-f32", 2.5), new("tanh-f32", 2.5),
        new("scaled-tanh-f32", 3.5, Tiny, 0.5f, 2), new("affine-f32", 1, 0, 2, 1), new("leaky-relu-f32", 1, 0, 0.125f), new("thresholded-relu-f32", 0, 0, 1), new("hard-sigmoid-f32", 1, 0, 0.25f, 0.5f),
        new("hard-swish-f32", 3, Tiny), new("elu-f32", 2, Tiny, 1.5f), new("celu-f32", 3, Tiny, 2), new("selu-f32", 3, Tiny, 1.5f, 2), new("softplus-f32", 3, Tiny), new("softsign-f32", 2),
        new("gelu-f32", 8, 3e-8), new("gelu-tanh-f32", 6, 1e-8), new("swish-f32", 4, Tiny, 1), new("mish-f32", 6, Tiny),
    ];

    /// <summary>The bound of a kernel.</summary>
    public static UnaryBound Of(string stem) => All.First(b => b.Stem == stem);

    /// <summary>Error in units in the last place of the exact result, beyond the floor; ∞ where a special value is wrong.</summary>
    public double Error(double exact, float actual)
    {
        float rounded = (float)exact;
        if (float.IsNaN(rounded) || float.IsNaN(actual)) return float.IsNaN(rounded) && float.IsNaN(actual) ? 0 : double.PositiveInfinity;
        if (rounded == actual) return 0;
        double error = Math.Abs(exact - actual) - Floor;
        return error <= 0 ? 0 : error / UlpOf(exact);
    }

    // An infinite result counts as the next number after the largest one.
    private static double UlpOf(double exact) => Math.ScaleB(1, Math.Max(-126, Math.Min(127, Math.ILogB(exact))) - 23);
}
