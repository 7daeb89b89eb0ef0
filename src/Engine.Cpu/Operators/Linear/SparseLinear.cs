using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// x · W for a W with few entries anywhere: entry by entry, or by blocks of 8 × 4. The planner weighs them against the decoded product, so that they run only where they are estimated to win.
/// </summary>
internal static class SparseLinear
{
    /// <summary>The products of a sparse matrix; none where its sums lie across its rows, or only a part of it is used.</summary>
    public static IEnumerable<LinearProduct> Of(LinearMatrix m)
    {
        if (m.IsTransposed || m.Inputs != m.StoredInputs || m.Outputs != m.StoredOutputs) yield break;
        if (m.Weight is SparseCsr csr)
        {
            yield return new CsrLinear(m, csr);
            yield return new SpmmLinear(m, csr.Values.Shape.Elements);
        }
        if (m.Weight is SparseBlocks { Height: GemmBlocksF32.Height, Width: GemmBlocksF32.Width } blocks && m.Inputs % GemmBlocksF32.Width == 0)
        {
            yield return new BlocksLinear(m, blocks);
            yield return new SpmmLinear(m, blocks.Values.Shape.Elements);
        }
    }
}

/// <summary>Entry by entry, row by row.</summary>
internal sealed unsafe record CsrLinear(LinearMatrix W, SparseCsr S) : LinearProduct("csr-matvec", true)
{
    // An estimate: 0.6 were measured with one row of 4096².
    private const double EntriesPerNanosecond = 1;

    public override double Nanoseconds(int rows) => S.Values.Shape.Elements * (double)rows / EntriesPerNanosecond + 4.0 * rows * W.Outputs / Rates.BytesPerNanosecond;

    public override long WorkBytes(int rows) => 0;

    public override LinearFn Bind(BindContext b, int input)
    {
        var (s, n, values) = (S, W.Outputs, b.Pack(input, S.Values, "outliers", w => w.ToF32()));
        return (Workers workers, int rows, in LinearRows io, byte* _) => CsrMatVec.Run(
            workers, rows, n, (int*)s.Starts.Pointer, s.ColumnIndices.Pointer, s.ColumnIndices.DType == DType.I32, (float*)values.Pointer, (float*)io.X, io.RowStride, (float*)io.Y, io.Stride, io.Epilogue);
    }
}

/// <summary>Block by block in f32.</summary>
internal sealed unsafe record BlocksLinear(LinearMatrix W, SparseBlocks S) : LinearProduct("gemm-blocks-f32", true)
{
    // As measured beside the dense product and its estimate: vectors of eight, where dense tiles have sixteen, and an activation fetched for each.
    private static double OperationsPerNanosecond => GemmBlocksF32.Table.Tier switch { "avx2" => 50, "advsimd" or "vector" => 25, _ => 0.5 };

    private double Entries => S.Values.Shape.Elements;

    public override double Nanoseconds(int rows) => 2 * Entries * rows / OperationsPerNanosecond + (4 * Entries + 4.0 * rows * (W.Inputs + W.Outputs)) / Rates.BytesPerNanosecond;

    public override long WorkBytes(int rows) => 0;

    public override LinearFn Bind(BindContext b, int input)
    {
        var (s, n) = (S, W.Outputs);
        var packed = b.Pack(input, S.Values, "blocks 4x8", w =>
        {
            const int Height = GemmBlocksF32.Height, Width = GemmBlocksF32.Width;
            var (from, to) = (w.ToF32(), Tensor.Allocate(DType.F32, new Shape(w.Shape.Elements)));
            Span<float> x = from.Span<float>(), y = to.Span<float>();
            for (int i = 0; i < y.Length; i++)
            {
                var (block, at) = Math.DivRem(i, Height * Width);
                y[block * Height * Width + at % Width * Height + at / Width] = x[i];
            }
            GC.KeepAlive(from);
            return to;
        });
        return (Workers workers, int rows, in LinearRows io, byte* _) =>
            GemmBlocksF32.Run(workers, rows, n, (float*)io.X, io.RowStride, (int*)s.Starts.Pointer, (int*)s.BlockColumns.Pointer, (float*)packed.Pointer, (float*)io.Y, io.Stride, io.Epilogue);
    }
}
