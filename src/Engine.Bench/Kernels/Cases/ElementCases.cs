using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Functions of one element.</summary>
internal static class ElementCases
{
    private static readonly string[] s_lengths = ["16384", "1048576"];

    public static IEnumerable<KernelFamily> All =>
    [
        Function("exp", default(ExpOp), "Exp", Math.Exp),
        Function("tanh", default(TanhOp), "Tanh", Math.Tanh),
        Function("sigmoid", default(SigmoidOp), "Sigmoid", x => 1 / (1 + Math.Exp(-x))),
        Function("erf", default(ErfOp), "Erf", ScalarMath.Erf),
        Function("gelu", default(GeluOp), null, x => 0.5 * x * (1 + ScalarMath.Erf(x / Math.Sqrt(2)))),
        Function("hard-swish", default(HardSwishOp), "HardSwish", x => x * Math.Clamp(x / 6 + 0.5, 0, 1)),
    ];

    private static KernelFamily Function<TOp>(string stem, TOp op, string? onnx, Func<double, double> definition) where TOp : struct, IUnarySimd =>
        new(stem, [], "n", s_lengths, d => new(null, 0, 8.0 * d[0]), (d, workers) =>
        {
            Tensor x = Operand.Map(Operand.Random(1, d[0]), v => 8 * v), y = Operand.Zeros(d[0]);
            return new(() => UnaryLoop.Simd(workers, op, x.Span<float>(), y.Span<float>()), () => y, () => Operand.Map(x, definition), onnx is null ? null : Operand.Node(onnx, [x], y));
        });
}
