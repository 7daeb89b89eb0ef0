using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>x · W of many rows, in f32, for a W with zeros wherever they lie: what is stored as zero meets no activation, not even NaN or an infinity.</summary>
/// <param name="W">The matrix.</param>
/// <param name="Entries">Entries that are not zero, about.</param>
internal sealed unsafe record SpmmLinear(LinearMatrix W, double Entries) : LinearProduct("spmm-f32", true)
{
    // As measured beside the dense product, whose estimate is one for all tiers, with 16 to 128 rows of 4096²: entries cost time of their own, and vectors of rows are computed two at a time.
    private static (double Operations, double Entries, int Rows, double Pair) Rate => SpmmF32.Table.Tier switch { "avx512" => (116, 1.5, 32, 11), "avx2" => (120, 5, 16, 6.5), "advsimd" or "vector" => (100, 5, 8, 6.5), _ => (0.5, 1, 1, 10) };

    // Pairs of columns in blocks of the sums: each costs a few nanoseconds whatever it holds.
    private double Pairs => (double)Checked.CeilDiv(W.Inputs, SpmmF32.BlockDepth) * Checked.CeilDiv(W.Outputs, 2);

    public override double Nanoseconds(int rows) =>
        2 * Entries * Checked.AlignUp(rows, Rate.Rows) / Rate.Operations + Entries / Rate.Entries + Pairs * Rate.Pair + 4.0 * rows * (W.Inputs + W.Outputs) / Rates.BytesPerNanosecond;

    public override long WorkBytes(int rows) => SpmmF32.WorkBytes(rows, W.Inputs);

    public override LinearFn Bind(BindContext b, int input)
    {
        var (k, n) = (W.Inputs, W.Outputs);
        var (row, column) = W.IsTransposed ? (n, 1) : (1, k);
        var packed = Pack(b, input, W.Weight, k, n, row, column);
        return (Workers workers, int rows, in LinearRows io, byte* work) => SpmmF32.Run(workers, rows, n, k, (float*)io.X, io.RowStride, packed.Pointer, work, (float*)io.Y, io.Stride, io.Epilogue);
    }

    /// <summary>A matrix [k, n] at k · <paramref name="row"/> + n · <paramref name="column"/> of operand <paramref name="input"/>, as <see cref="SpmmF32"/> reads it.</summary>
    public static Tensor Pack(BindContext b, int input, Weight weight, int k, int n, nint row, nint column) => b.Pack(input, weight, $"spmm-f32 {k}x{n} {row},{column}", w =>
    {
        var dense = w.ToF32();
        float* from = (float*)dense.Pointer;
        var y = Tensor.Allocate(DType.U8, new Shape(SpmmF32.PackedLength(k, n, SpmmF32.Records(from, k, n, row, column))));
        SpmmF32.PackB(from, k, n, row, column, y.Pointer);
        GC.KeepAlive(dense);
        return y;
    });
}
