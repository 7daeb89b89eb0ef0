using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>The product with a matrix decoded to f32 panels: every form has this one.</summary>
internal sealed unsafe record DenseProduct(LinearMatrix W) : LinearProduct("gemm-f32", true)
{
    private const double OperationsPerNanosecond = 150, BytesPerNanosecond = 20;

    public override bool TakesStrides => true;

    public override double Nanoseconds(int rows) => 2.0 * rows * W.Inputs * W.Outputs / OperationsPerNanosecond + 4.0 * W.Inputs * W.Outputs / BytesPerNanosecond;

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
