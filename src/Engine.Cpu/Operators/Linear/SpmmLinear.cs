using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>x · W of many rows, in f32, for a W with zeros wherever they lie: what is stored as zero meets no activation, not even NaN or an infinity.</summary>
/// <param name="W">The matrix.</param>
/// <param name="Entries">Entries that are not zero, about.</param>
internal sealed unsafe record SpmmLinear(LinearMatrix W, double Entries) : LinearProduct("spmm-f32", true)
{
    // As measured with 1 to 128 rows of 1024² and 4096²: operations, nanoseconds that fetching an entry costs, rows that are computed together, and what a column of a block of the sums costs beside its entries, in entries.
    private static (double Operations, double Entry, int Rows, double More) Rate => SpmmF32.Table.Tier switch { "avx512" => (200, 0.2, 32, 8.2), "avx2" => (93, 0.1, 16, 6.5), "advsimd" or "vector" => (45, 0.05, 8, 5), _ => (0.5, 1, 1, 1.25) };

    // Sums of so many columns leave the second-level cache between two blocks.
    private const int ManyColumns = 2048;

    private double Columns => (double)Checked.CeilDiv(W.Inputs, SpmmF32.BlockDepth) * W.Outputs * (W.Outputs > ManyColumns ? 1.5 : 1);

    public override double Nanoseconds(int rows) =>
        2 * (Entries + Rate.More * Columns) * Checked.AlignUp(rows, Rate.Rows) / Rate.Operations + Entries * Rate.Entry + 4.0 * rows * (W.Inputs + W.Outputs) / Rates.BytesPerNanosecond;

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
