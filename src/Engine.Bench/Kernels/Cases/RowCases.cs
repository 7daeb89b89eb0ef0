using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Kernels over the rows of a matrix: every row by itself.</summary>
internal static unsafe class RowCases
{
    private const double Epsilon = 1e-5;

    public static IEnumerable<KernelFamily> All =>
    [
        new("softmax-f32", [SoftmaxF32.Table], "rows x length", ["1536x128", "64x1000"], Moved, Softmax),
        new("layer-norm", [], "rows x length", ["128x768", "512x1024"], Moved, LayerNorm),
    ];

    private static KernelWork Moved(int[] d) => new(null, 0, 8.0 * d[0] * d[1]);

    private static KernelRun Softmax(int[] d, Workers workers)
    {
        var (rows, length) = (d[0], d[1]);
        Tensor x = Operand.Random(1, rows, length), y = Operand.Zeros(rows, length);
        return new(() => SoftmaxLoop.Run(workers, SoftmaxKind.Softmax, rows, length, 1, (float*)x.Pointer, (float*)y.Pointer), () => y, Peer: Operand.Node("Softmax", [x], y, ("axis", -1L)));
    }

    private static KernelRun LayerNorm(int[] d, Workers workers)
    {
        var (rows, length) = (d[0], d[1]);
        Tensor x = Operand.Random(1, rows, length), y = Operand.Zeros(rows, length), scale = Operand.Map(Operand.Zeros(length), _ => 1), bias = Operand.Zeros(length);
        return new(
            () => RowNorm.Layer<float, float>(workers, rows, length, Epsilon, true, (float*)x.Pointer, (float*)scale.Pointer, (float*)bias.Pointer, 0, 0, (float*)y.Pointer, null, null),
            () => y,
            () => Rows(x, length, row =>
            {
                double mean = row.Average(), inverse = 1 / Math.Sqrt(row.Average(v => (v - mean) * (v - mean)) + Epsilon);
                return v => (v - mean) * inverse;
            }),
            Operand.Node("LayerNormalization", [x, scale, bias], y, ("axis", -1L), ("epsilon", (float)Epsilon)));
    }

    /// <summary>Applies to each row the function that <paramref name="of"/> makes of it, in binary64.</summary>
    private static Tensor Rows(Tensor x, int length, Func<double[], Func<double, double>> of)
    {
        var y = Tensor.Allocate(DType.F32, x.Shape);
        for (int at = 0; at < x.Shape.Elements; at += length)
        {
            double[] row = Array.ConvertAll(x.Span<float>().Slice(at, length).ToArray(), v => (double)v);
            var f = of(row);
            for (int i = 0; i < length; i++) y.Span<float>()[at + i] = (float)f(row[i]);
        }
        return y;
    }
}
