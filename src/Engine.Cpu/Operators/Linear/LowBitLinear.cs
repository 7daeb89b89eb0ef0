using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// x · W for W in codes, its columns in another order or with sparse outliers: codes are decoded a chunk at a time in the cache, or multiplied by
/// activations of 8 bits.
/// </summary>
internal abstract unsafe record LowBitLinear(string Stem, bool IsExact, LinearMatrix W, LowBitLinear.Parts P, LowBitLayout Layout) : LinearProduct(Stem, IsExact)
{
    // One core. Outliers are read one by one.
    private const double OutliersPerNanosecond = 0.58;

    /// <summary>The parts of a weight: codes, the order of their columns, entries to add.</summary>
    public sealed record Parts(Quantized Codes, Tensor? Order, SparseCsr? Outliers)
    {
        public static Parts? Of(Weight? w) => w switch
        {
            Quantized q => new(q, null, null),
            Permuted { Inner: Quantized q } p => new(q, p.Order, null),
            WeightSum { Terms: [var inner, SparseCsr s] } when Of(inner) is { Outliers: null } p => p with { Outliers = s },
            _ => null,
        };
    }

    /// <summary>The products of a matrix in codes; none where it is none, or has no layout.</summary>
    public static IEnumerable<LinearProduct> Of(LinearMatrix m, int rows)
    {
        if (Parts.Of(m.Weight) is not { } p) yield break;
        bool whole = m.Inputs == m.StoredInputs && m.Outputs == m.StoredOutputs;
        // Orders and outliers belong to whole rows whose elements lie side by side.
        if ((m.IsTransposed || !whole) && (p.Order is not null || p.Outliers is not null) || LowBitPacking.Layout(p.Codes, m.IsTransposed) is not { } stored) yield break;
        var used = stored with { Rows = m.Outputs, Columns = m.Inputs };
        yield return new LowBitF32(m, p, used);
        if (used.IsLinear) yield return new LowBitInt8(LowBitProduct.Stem(used, rows), m, p, used);
    }

    /// <summary>Estimated nanoseconds of a product that takes <paramref name="each"/> a code and multiplies at a rate; as if no more were stored than is used: a prefix runs as a weight of its own would.</summary>
    protected double Estimate(int rows, double operationsPerNanosecond, double each = 0) =>
        Rates.Product(W.Inputs * (double)W.Outputs * (2 * rows / operationsPerNanosecond + each), (Layout with { StoredColumns = W.Inputs }).Bytes)
        + 4.0 * rows * (W.Inputs + W.Outputs) / Rates.BytesPerNanosecond + (P.Outliers?.Values.Shape.Elements ?? 0) * (double)rows / OutliersPerNanosecond;

    protected Tensor Packed(BindContext b, int input)
    {
        var l = LowBitPacking.Layout(P.Codes, W.IsTransposed)!.Value;
        string parameters = $"{(W.IsTransposed ? "transposed " : "")}{l.Rows}x{l.Columns} bits {l.Bits} block {l.Block} group {l.GroupBlocks} scales {l.Scales} zero {l.Zero}{(l.IsLinear ? "" : " table")}";
        return b.Pack(input, P.Codes, new PackedLayout("lowbit", 1, parameters, DType.U8, l.Bytes), (_, to, _) => LowBitPacking.Pack(P.Codes, W.IsTransposed, l, to));
    }

    /// <summary>The product with outliers added after it, before what follows.</summary>
    protected LinearFn WithOutliers(BindContext b, int input, LinearFn product)
    {
        if (P.Outliers is not { } s) return product;
        var (values, n) = (b.Pack(input, s.Values, "outliers", static w => w.ToF32()), W.Outputs);
        return (Workers workers, int rows, in LinearRows io, byte* work) =>
        {
            product(workers, rows, io with { Epilogue = LinearEpilogue.None }, work);
            for (int r = 0; r < rows; r++)
                CsrMatVec.Add(workers, n, (int*)s.Starts.Pointer, s.ColumnIndices.Pointer, s.ColumnIndices.DType == DType.I32, (float*)values.Pointer, (float*)io.X + r * io.RowStride, (float*)io.Y + r * io.Stride);
            if (!io.Epilogue.IsEmpty) workers.For(rows, Math.Max(1, 16384 / Math.Max(1, n)), new EpilogueBody(io, n));
        };
    }

    private readonly struct EpilogueBody(LinearRows io, int n) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int r = start; r < end; r++) io.Epilogue.Apply(r, 0, new((float*)io.Y + r * io.Stride, n));
        }
    }
}

/// <summary>Codes decoded in the cache; activations as they are.</summary>
internal sealed unsafe record LowBitF32(LinearMatrix W, LowBitLinear.Parts P, LowBitLayout Layout) : LowBitLinear("lowbit-decode", true, W, P, Layout)
{
    private static double CodesPerNanosecond => LowBitDecode.Table.Tier switch { "avx512" => 10, "avx2" => 5, "vector" => 3, _ => 0.06 };

    public override bool TakesStrides => P.Outliers is null;

    public override double Nanoseconds(int rows) => Estimate(rows, 0.95 * Rates.Operations(GemmF32.Table), 1 / CodesPerNanosecond);

    public override long WorkBytes(int rows) => P.Order is null ? 0 : Checked.Mul(sizeof(float), Checked.Mul(rows, W.Inputs));

    public override LinearFn Bind(BindContext b, int input)
    {
        var (l, k, packed, order) = (Layout, W.Inputs, Packed(b, input), P.Order);
        return WithOutliers(b, input, (Workers workers, int rows, in LinearRows io, byte* work) =>
        {
            var from = io;
            if (order is not null)
            {
                LowBitProduct.Order(workers, rows, k, (float*)io.X, io.RowStride, io.ColumnStride, (int*)order.Pointer, (float*)work);
                from = io with { X = (nint)work, RowStride = k, ColumnStride = 1 };
            }
            LowBitProduct.RunF32(workers, l, packed.Pointer, rows, (float*)from.X, from.RowStride, from.ColumnStride, (float*)io.Y, io.Stride, io.Epilogue);
        });
    }
}

/// <summary>Activations rounded to 8 bits, a scale a group.</summary>
internal sealed unsafe record LowBitInt8(string Stem, LinearMatrix W, LowBitLinear.Parts P, LowBitLayout Layout) : LowBitLinear(Stem, false, W, P, Layout)
{
    // Rows are read as they are packed, or expanded to bytes first.
    private bool IsDirect => Stem == LowBitGemv.Table.Stem && LowBitGemv.Table.Tier is not "vector";

    private double OperationsPerNanosecond => IsDirect ? LowBitGemv.Table.Tier == "scalar" ? 0.7 : 450 : (LowBitTile.TableOf(Layout).Tier, Layout.Bits == 8) switch
    {
        ("avx512vnni", _) => 540,
        ("avx512", _) => 470,
        ("avxvnni", _) => 275,
        ("avx2", false) => 160,
        ("avx2", true) => 70,
        ("advsimd", _) => 60,
        ("vector", _) => 28,
        _ => 0.7,
    };

    // Nanoseconds that a code takes before it is multiplied: once, or once a row.
    private double Expanding(int rows) => IsDirect ? 0 : (LowBitTile.TableOf(Layout).Tier switch { "avx512vnni" => 0.012, "vector" => 0.18, "scalar" => 3, _ => LowBitExpand.Table.Tier == "avx512" ? 0.025 : 0.09 }) * (Stem == LowBitGemv.Table.Stem ? rows : 1);

    public override double Nanoseconds(int rows) => Estimate(rows, OperationsPerNanosecond, Expanding(rows)) + (double)rows * W.Inputs / RoundedRows.PerNanosecond;

    public override long WorkBytes(int rows) => LowBitProduct.WorkBytes(Layout, rows);

    public override LinearFn Bind(BindContext b, int input)
    {
        var (l, packed, order) = (Layout, Packed(b, input), P.Order);
        return WithOutliers(b, input, (Workers workers, int rows, in LinearRows io, byte* work) =>
            LowBitProduct.RunInt8(workers, l, packed.Pointer, rows, (float*)io.X, io.RowStride, order is null ? null : (int*)order.Pointer, work, (float*)io.Y, io.Stride, io.Epilogue));
    }
}
