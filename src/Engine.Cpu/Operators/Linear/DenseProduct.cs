using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>The product with a matrix decoded to f32 panels: every form has this one.</summary>
internal sealed unsafe record DenseProduct(LinearMatrix W) : LinearProduct("gemm-f32", true)
{
    public override bool TakesStrides => true;

    public override double Nanoseconds(int rows) => CopyFactor(W.Weight, W.Outputs, W.Inputs) * Estimate(rows, W.Outputs, W.Inputs);

    /// <summary>How much an estimate counts where a weight in codes would be decoded to a copy: one that no cache holds takes 4 to 16 times the memory.</summary>
    public static double CopyFactor(Weight? w, double n, double k) => 4 * n * k > Rates.CachedBytes && (LowBitLinear.Parts.Of(w) is not null || w is SpqrTiles or WeightSum { Terms: [SpqrTiles, ..] }) ? 2 : 1;

    /// <summary>Estimated nanoseconds on one core of m × n × k with a constant right operand, what is multiplied apart from it.</summary>
    public static double Estimate(double m, double n, double k) => Rates.Product(2 * m * n * k / Rates.Operations(GemmF32.Table), 4 * n * k) + 4 * m * (n + k) / Rates.BytesPerNanosecond;

    public override long WorkBytes(int rows) => 0;

    public override LinearFn Bind(BindContext b, int input)
    {
        var (k, n, storedK, storedN) = (W.Inputs, W.Outputs, W.StoredInputs, W.StoredOutputs);
        var (row, column) = W.IsTransposed ? (storedN, 1) : (1, storedK);
        // The layout that MatMul packs whole operands in.
        var packed = b.Pack(input, W.Weight, MatMulCpu.Layout(storedK, storedN, row, column, 0), (w, to, workers) =>
        {
            var dense = w.ToF32();
            GemmF32.Pack(workers, storedK, storedN, (float*)dense.Pointer, row, column, (float*)to.Pointer);
            GC.KeepAlive(dense);
        });
        return (Workers workers, int rows, in LinearRows io, byte* _) =>
            GemmF32.Run(workers, rows, n, k, (float*)io.X, io.RowStride, io.ColumnStride, (float*)packed.Pointer, storedK, storedN, (float*)io.Y, io.Stride, io.Epilogue);
    }
}
