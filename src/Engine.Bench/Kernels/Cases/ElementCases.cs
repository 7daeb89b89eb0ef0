using Engine.Kernels;
using Engine.Peers;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Functions of one element.</summary>
internal static class ElementCases
{
    private static readonly string[] s_lengths = ["16384", "1048576"];

    public static IEnumerable<KernelFamily> All => UnaryF32.Tables.Select(Function);

    private static KernelFamily Function(KernelTable<UnaryF32.Fn> table)
    {
        var (p0, p1) = Parameters(table.Stem);
        return new(table.Stem, [table], "n", s_lengths, d => new(null, 0, 8.0 * d[0]), (d, workers) =>
        {
            Tensor x = Operand.Map(Operand.Random(1, d[0]), v => table == UnaryF32.Log ? v + 0.75 : 8 * v), y = Operand.Zeros(d[0]);
            return new(() => UnaryF32.Run(workers, table.Best, x.Span<float>(), y.Span<float>(), p0, p1), () => y, Peer: Node(table.Stem, x, y, p0, p1));
        });
    }

    /// <summary>ONNX's defaults, but bounds that cut and factors that are not 1.</summary>
    private static (float P0, float P1) Parameters(string stem) => stem switch
    {
        "clip-f32" => (0, 6),
        "scaled-tanh-f32" => (1.7f, 0.7f),
        "affine-f32" => (0.5f, 0.1f),
        "leaky-relu-f32" => (0.01f, 0),
        "hard-sigmoid-f32" => (0.2f, 0.5f),
        "selu-f32" => (1.67326319f, 1.05070102f),
        _ => (1, 0),
    };

    /// <summary>The function as an operator that ONNX Runtime runs in one pass.</summary>
    private static PeerNode? Node(string stem, Tensor x, Tensor y, float p0, float p1) => stem switch
    {
        "exp-f32" => Operand.Node("Exp", [x], y),
        "log-f32" => Operand.Node("Log", [x], y),
        "erf-f32" => Operand.Node("Erf", [x], y),
        "relu-f32" => Operand.Node("Relu", [x], y),
        "clip-f32" => Operand.Node("Clip", [x, Tensor.Scalar(p0), Tensor.Scalar(p1)], y),
        "sigmoid-f32" => Operand.Node("Sigmoid", [x], y),
        "tanh-f32" => Operand.Node("Tanh", [x], y),
        "softplus-f32" => Operand.Node("Softplus", [x], y),
        "softsign-f32" => Operand.Node("Softsign", [x], y),
        "hard-swish-f32" => Operand.Node("HardSwish", [x], y),
        "leaky-relu-f32" => Operand.Node("LeakyRelu", [x], y, ("alpha", p0)),
        "thresholded-relu-f32" => Operand.Node("ThresholdedRelu", [x], y, ("alpha", p0)),
        "elu-f32" => Operand.Node("Elu", [x], y, ("alpha", p0)),
        "celu-f32" => Operand.Node("Celu", [x], y, ("alpha", p0)),
        "hard-sigmoid-f32" => Operand.Node("HardSigmoid", [x], y, ("alpha", p0), ("beta", p1)),
        "selu-f32" => Operand.Node("Selu", [x], y, ("alpha", p0), ("gamma", p1)),
        "gelu-f32" => Operand.Node("com.microsoft.Gelu", [x], y),
        "gelu-tanh-f32" => Operand.Node("com.microsoft.FastGelu", [x], y),
        "swish-f32" => Operand.Node("com.microsoft.QuickGelu", [x], y, ("alpha", p0)),
        _ => null,
    };
}
