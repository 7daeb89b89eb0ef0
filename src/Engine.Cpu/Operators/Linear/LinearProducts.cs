using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Every way to multiply by a matrix in a form other than dense.</summary>
internal static class LinearProducts
{
    /// <summary>The ways to multiply <paramref name="rows"/> rows by the form itself; none where it has to be decoded.</summary>
    public static IEnumerable<LinearProduct> Of(LinearMatrix m, int rows) => m.Weight switch
    {
        LowRank w => LowRankProduct.Of(m, w, rows),
        Kronecker => KroneckerProduct.Of(m, rows),
        WeightSum w when LowBitLinear.Parts.Of(w) is null => KroneckerProduct.Of(m, rows).Concat(SumProduct.Of(m, w, rows)),
        SparseNM => NmLinear.Of(m, rows),
        SparseCsr or SparseBlocks or Scaled => SparseLinear.Of(m),
        _ => LowBitLinear.Of(m, rows).Concat(NmLinear.Of(m, rows)),
    };

    /// <summary>The fastest way, decoding included, for a part of a larger form.</summary>
    public static LinearProduct Fastest(LinearMatrix m, int rows, bool exactOnly) => Of(m, rows).Where(p => p.IsExact || !exactOnly).Append(new DenseProduct(m)).MinBy(p => p.Nanoseconds(rows))!;
}
