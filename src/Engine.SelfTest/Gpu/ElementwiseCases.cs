using Engine.Cuda;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>elementwise</c>: every step with every operand, chains, lengths with and without tails.</summary>
internal static class ElementwiseCases
{
    private static readonly DType[] s_types = [DType.F32, DType.F16, DType.BF16];

    // Values of a function, its parameters, the arguments it is tried on, and units in the last place of f32 that it may miss (docs/math.md).
    private sealed record Unary(GpuStepOp Op, Func<double, double> Of, float P0 = 0, float P1 = 0, float Low = -8, float High = 8, double Ulps = 4, double Floor = 0);

    private static readonly Unary[] s_unary =
    [
        new(GpuStepOp.Affine, x => 1.5 * x - 0.25, 1.5f, -0.25f, Floor: 1e-7), new(GpuStepOp.Absolute, Math.Abs), new(GpuStepOp.Negate, x => -x), new(GpuStepOp.SquareRoot, Math.Sqrt, Low: 0), new(GpuStepOp.Reciprocal, x => 1 / x),
        new(GpuStepOp.Floor, Math.Floor), new(GpuStepOp.Ceiling, Math.Ceiling), new(GpuStepOp.Round, x => Math.Round(x, MidpointRounding.ToEven)), new(GpuStepOp.Exponential, Math.Exp, Low: -100, High: 85),
        new(GpuStepOp.Logarithm, Math.Log, Low: 0, High: 30), new(GpuStepOp.Erf, ScalarMath.Erf, Low: -5, High: 5), new(GpuStepOp.Relu, x => Math.Max(x, 0)), new(GpuStepOp.Clip, x => Math.Clamp(x, -1, 2), -1, 2),
        new(GpuStepOp.Sigmoid, x => 1 / (1 + Math.Exp(-x)), Low: -30, High: 30), new(GpuStepOp.Tanh, Math.Tanh), new(GpuStepOp.LeakyRelu, x => x < 0 ? 0.125 * x : x, 0.125f),
        new(GpuStepOp.HardSigmoid, x => Math.Clamp(0.25 * x + 0.5, 0, 1), 0.25f, 0.5f, Floor: 1e-7), new(GpuStepOp.HardSwish, x => x * Math.Clamp(x + 3, 0, 6) / 6, Floor: 1e-6),
        new(GpuStepOp.Elu, x => x < 0 ? 1.5 * Math.Exp(x) - 1.5 : x, 1.5f, Floor: 1e-7), new(GpuStepOp.Softplus, x => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x))), Floor: 1e-9), new(GpuStepOp.Softsign, x => x / (1 + Math.Abs(x))),
        new(GpuStepOp.Gelu, x => x * ScalarMath.Normal(x), Ulps: 10, Floor: 3e-8), new(GpuStepOp.GeluTanh, x => x / (1 + Math.Exp(-1.5957691216057307118 * x * (1 + 0.044715 * x * x))), Ulps: 8, Floor: 1e-8),
        new(GpuStepOp.Swish, x => x / (1 + Math.Exp(-1.25 * x)), 1.25f, Ulps: 6), new(GpuStepOp.Mish, x => x * Math.Tanh(Math.Log(1 + Math.Exp(x))), Ulps: 8, Floor: 1e-7), new(GpuStepOp.Square, x => x * x),
    ];

    private static readonly (GpuStepOp Op, Func<double, double, double> Of)[] s_binary =
    [
        (GpuStepOp.Add, (x, b) => x + b), (GpuStepOp.Subtract, (x, b) => x - b), (GpuStepOp.SubtractFrom, (x, b) => b - x), (GpuStepOp.Multiply, (x, b) => x * b), (GpuStepOp.Divide, (x, b) => x / b),
        (GpuStepOp.DivideInto, (x, b) => b / x), (GpuStepOp.Maximum, Math.Max), (GpuStepOp.Minimum, Math.Min),
    ];

    public static IEnumerable<GpuCase> All()
    {
        int[] lengths = [1, 3, 4, 5, 1023, 1024, 4099];
        foreach (var type in s_types)
        {
            int turn = 0;
            foreach (var u in s_unary) yield return Case(type, $"{u.Op} {lengths[turn % lengths.Length]}", UnaryRun(type, u, lengths[turn++ % lengths.Length]));
            foreach (var (op, of) in s_binary)
                foreach (var kind in Enum.GetValues<GpuOperand>()) yield return Case(type, $"{op} {kind} {lengths[turn % lengths.Length]}", BinaryRun(type, op, of, kind, lengths[turn++ % lengths.Length]));
            yield return Case(type, "no steps 4097", c => Compare(c, type, c.Values(4097, type), GpuSteps.None, x => x, 0, 0));
            yield return Case(type, "six steps 2050", ChainRun(type));
        }
    }

    private static GpuCase Case(DType type, string shape, Action<GpuCaseContext> run) => new("elementwise", "elementwise_" + type.Display(), shape, run);

    private static Action<GpuCaseContext> UnaryRun(DType type, Unary u, int n) => c =>
        Compare(c, type, c.Values(n, type, u.Low, u.High), GpuSteps.Of(GpuStep.Unary(u.Op, u.P0, u.P1)), u.Of, u.Ulps * Math.ScaleB(1, -23), u.Floor);

    private static Action<GpuCaseContext> BinaryRun(DType type, GpuStepOp op, Func<double, double, double> of, GpuOperand kind, int n) => c =>
    {
        const int Extent = 7, Inner = 3;
        float[] x = c.Values(n, type), b = c.Values(kind == GpuOperand.Every ? n : kind == GpuOperand.None ? 1 : Extent, type, 0.5f, 2);
        var step = kind switch
        {
            GpuOperand.None => GpuStep.With(op, b[0]),
            GpuOperand.Every => GpuStep.With(op, c.Upload(b, type)),
            GpuOperand.Column => GpuStep.Along(op, c.Upload(b, type), Extent),
            _ => GpuStep.Along(op, c.Upload(b, type), Extent, Inner),
        };
        int at = 0;
        double Next(double v)
        {
            int i = at++;
            return of(v, b[kind switch { GpuOperand.None => 0, GpuOperand.Every => i, GpuOperand.Column => i % Extent, _ => i / Inner % Extent }]);
        }
        Compare(c, type, x, GpuSteps.Of(step), Next, 1e-6, 1e-6);
    };

    private static Action<GpuCaseContext> ChainRun(DType type) => c =>
    {
        const int N = 2050, Extent = 41;
        float[] x = c.Values(N, type), bias = c.Values(Extent, type), other = c.Values(N, type);
        var steps = GpuSteps.Of(GpuStep.Along(GpuStepOp.Add, c.Upload(bias, type), Extent), GpuStep.Unary(GpuStepOp.Relu), GpuStep.With(GpuStepOp.Multiply, 0.5f), GpuStep.With(GpuStepOp.Add, c.Upload(other, type)), GpuStep.Unary(GpuStepOp.Sigmoid), GpuStep.Unary(GpuStepOp.Affine, 2, -1));
        int at = 0;
        Compare(c, type, x, steps, v =>
        {
            int i = at++;
            return 2 / (1 + Math.Exp(-(Math.Max(v + bias[i % Extent], 0) * 0.5 + other[i]))) - 1;
        }, 1e-5, 1e-6);
    };

    private static void Compare(GpuCaseContext c, DType type, float[] x, in GpuSteps steps, Func<double, double> of, double relative, double absolute)
    {
        var y = c.Output(type.ByteCount(x.Length));
        GpuElementwise.Run(c.Kernels, c.Stream, type, c.Upload(x, type), y, x.Length, steps);
        double[] expected = new double[x.Length];
        for (int i = 0; i < x.Length; i++) expected[i] = of(x[i]);
        c.Expect(y, type, expected, relative, absolute);
    }
}
