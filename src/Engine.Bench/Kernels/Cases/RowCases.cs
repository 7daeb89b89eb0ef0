using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Kernels over the rows of a matrix, every row by itself, and folds of an axis.</summary>
internal static unsafe class RowCases
{
    private const double Epsilon = 1e-5;

    public static IEnumerable<KernelFamily> All =>
    [
        new("softmax-f32", [SoftmaxF32.Table], "rows x length", ["1536x128", "64x1000"], Moved, Softmax),
        new("layer-norm-f32", [LayerNormF32.Table], "rows x length", ["128x768", "512x1024"], Moved, LayerNorm),
        Folded(ReduceF32.Sum, (loop, w, x, y) => loop.Run<float, double, KernelReducer<double, SumFold<double>>>(w, x, y, new(ReduceF32.Sum.Best))),
        Folded(ReduceF32.AbsoluteSum, (loop, w, x, y) => loop.Run<float, double, KernelReducer<double, L1Fold<double>>>(w, x, y, new(ReduceF32.AbsoluteSum.Best))),
        Folded(ReduceF32.SquareSum, (loop, w, x, y) => loop.Run<float, double, KernelReducer<double, SquareFold<double>>>(w, x, y, new(ReduceF32.SquareSum.Best))),
        Folded(ReduceF32.Product, (loop, w, x, y) => loop.Run<float, double, KernelReducer<double, ProductFold<double>>>(w, x, y, new(ReduceF32.Product.Best))),
        Folded(ReduceF32.Max, (loop, w, x, y) => loop.Run<float, float, KernelReducer<float, MaxFold<float>>>(w, x, y, new(ReduceF32.Max.Best))),
        Folded(ReduceF32.Min, (loop, w, x, y) => loop.Run<float, float, KernelReducer<float, MinFold<float>>>(w, x, y, new(ReduceF32.Min.Best))),
        Summed(RowSumF32.SquaredDistance, 0.1f),
        Summed(RowSumF32.Exponentials, 0.5f),
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
        Tensor x = Operand.Random(1, rows, length), y = Operand.Zeros(rows, length), scale = Operand.Random(2, length), bias = Operand.Random(3, length);
        return new(
            () => RowNorm.Layer<float, float>(workers, rows, length, Epsilon, true, (float*)x.Pointer, (float*)scale.Pointer, (float*)bias.Pointer, 0, 0, (float*)y.Pointer, null, null),
            () => y,
            Operand.Node("LayerNormalization", [x, scale, bias], y, ("axis", -1L), ("epsilon", (float)Epsilon)));
    }

    private delegate void Fold(ReduceLoop loop, Workers workers, float* x, float* y);

    /// <summary>The middle axis: rows where there is one column, else columns side by side.</summary>
    private static KernelFamily Folded<TState>(KernelTable<ReduceF32.Fn<TState>> table, Fold fold) where TState : unmanaged =>
        new(table.Stem, [table], "rows x length x columns", ["512x768x1", "64x3136x1", "1x512x768"], d => new(null, 0, 4.0 * d[0] * d[1] * d[2]), (d, workers) =>
        {
            Tensor x = Operand.Map(Operand.Random(1, d[0], d[1], d[2]), v => v + (v < 0 ? -0.5 : 0.5)), y = Operand.Zeros(d[0], d[2]);
            var loop = new ReduceLoop(x.Shape, [false, true, false]);
            return new(() => fold(loop, workers, (float*)x.Pointer, (float*)y.Pointer), () => y);
        });

    private static KernelFamily Summed(KernelTable<RowSumF32.Fn> table, float center) =>
        new(table.Stem, [table], "n", ["4096", "1048576"], d => new(null, 0, 4.0 * d[0]), (d, _) =>
        {
            Tensor x = Operand.Random(1, d[0]), y = Operand.Zeros(1);
            return new(() => y.Span<float>()[0] = (float)table.Best((float*)x.Pointer, d[0], center), () => y);
        }, OneThread: true);
}
