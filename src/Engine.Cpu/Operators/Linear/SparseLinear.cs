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
        if (SparseMatrix.Of(m.Weight) is not { } s) yield break;
        if (s.Form is SparseCsr) yield return new CsrLinear(m, s);
        bool blocks = s.Form is SparseBlocks { Height: GemmBlocksF32.Height, Width: GemmBlocksF32.Width };
        if (blocks && m.Inputs % GemmBlocksF32.Width == 0) yield return new BlocksLinear(m, s);
        if (blocks || s.Form is SparseCsr) yield return new SpmmLinear(m, s.Entries);
        foreach (var kernel in SparseCodeKernel.Of(s)) yield return new SparseInt8(m, kernel) { IsDense = !kernel.IsSparse };
    }
}

/// <summary>Values in 8 bits, activations rounded to 8 bits with a scale a row; also with the zeros, where that is estimated to be faster.</summary>
internal sealed unsafe record SparseInt8(LinearMatrix W, SparseCodeKernel Kernel) : LinearProduct(Kernel.Stem, false)
{
    public override double Nanoseconds(int rows) => Kernel.Nanoseconds(rows) + (double)rows * W.Inputs / RoundedRows.PerNanosecond;

    public override long WorkBytes(int rows) => Checked.Add(RoundedRows.Bytes(rows, W.Inputs), Kernel.WorkBytes(rows));

    public override LinearFn Bind(BindContext b, int input)
    {
        var (k, kernel, packed, scales) = (W.Inputs, Kernel, Kernel.Pack(b, input, W.Weight), Kernel.Matrix.Scales());
        return (Workers workers, int rows, in LinearRows io, byte* work) =>
        {
            RoundedRows.Run(workers, rows, k, io, work);
            kernel.Run(workers, rows, new GemmU8S8.Rows(work, false, RoundedRows.Zero, RoundedRows.Stride(k), 1), packed.Pointer, work + RoundedRows.Bytes(rows, k),
                new ScaledStore<LinearEpilogue>((float*)io.Y, io.Stride, RoundedRows.Scales(work, rows, k), (float*)scales.Pointer, scales.Shape.Elements == 1, io.Epilogue));
        };
    }
}

/// <summary>Entry by entry, row by row.</summary>
internal sealed unsafe record CsrLinear(LinearMatrix W, SparseMatrix S) : LinearProduct("csr-matvec", true)
{
    // On every tier.
    private const double EntriesPerNanosecond = 0.58;

    public override double Nanoseconds(int rows) => S.Entries * rows / EntriesPerNanosecond + 4.0 * rows * W.Outputs / Rates.BytesPerNanosecond;

    public override long WorkBytes(int rows) => 0;

    public override LinearFn Bind(BindContext b, int input)
    {
        var (s, n, values) = ((SparseCsr)S.Form, W.Outputs, S.Row is null ? b.Pack(input, S.Values, "outliers", w => w.ToF32()) : b.Pack(input, W.Weight, "csr values", _ => S.ScaledValues()));
        return (Workers workers, int rows, in LinearRows io, byte* _) => CsrMatVec.Run(
            workers, rows, n, (int*)s.Starts.Pointer, s.ColumnIndices.Pointer, s.ColumnIndices.DType == DType.I32, (float*)values.Pointer, (float*)io.X, io.RowStride, (float*)io.Y, io.Stride, io.Epilogue);
    }
}

/// <summary>Block by block in f32.</summary>
internal sealed unsafe record BlocksLinear(LinearMatrix W, SparseMatrix S) : LinearProduct("gemm-blocks-f32", true)
{
    // Vectors of eight, and an activation fetched for each.
    private static double OperationsPerNanosecond => GemmBlocksF32.Table.Tier switch { "avx2" => 72, "advsimd" or "vector" => 36, _ => 0.5 };

    public override double Nanoseconds(int rows) => Rates.Product(2 * S.Entries * rows / OperationsPerNanosecond, 4 * S.Entries) + 4.0 * rows * (W.Inputs + W.Outputs) / Rates.BytesPerNanosecond;

    public override long WorkBytes(int rows) => 0;

    public override LinearFn Bind(BindContext b, int input)
    {
        var (s, n) = ((SparseBlocks)S.Form, W.Outputs);
        var packed = b.Pack(input, W.Weight, "blocks 4x8", _ =>
        {
            const int Height = GemmBlocksF32.Height, Width = GemmBlocksF32.Width;
            var (from, to) = (S.ScaledValues(), Tensor.Allocate(DType.F32, new Shape(S.Values.Shape.Elements)));
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
