namespace Engine.Tensors;

/// <summary>
/// Terms of one shape added up: a quantized base and its outliers, a base and its adapter, a low-rank part and kept rows.
/// <para>Layout: the terms. Sums are taken in binary64 and rounded once, so that an outlier stored as the value less what the base decodes
/// to restores that value.</para>
/// </summary>
public sealed class WeightSum : EncodedWeight
{
    /// <summary>Creates the weight of one or more terms.</summary>
    public WeightSum(params IReadOnlyList<Weight> terms) : base(First(terms).Shape, First(terms).DType is DType.F16 or DType.BF16 ? First(terms).DType : DType.F32)
    {
        foreach (var t in terms) Require(t.Shape == Shape, $"terms of shapes {Shape} and {t.Shape} cannot be added");
        Terms = terms;
    }

    /// <summary>The terms.</summary>
    public IReadOnlyList<Weight> Terms { get; }

    /// <inheritdoc/>
    public override long StoredBytes => Terms.Sum(t => t.StoredBytes);

    /// <inheritdoc/>
    public override string Describe() => $"Sum({string.Join(", ", Terms.Select(t => t.Describe()))})";

    private static Weight First(IReadOnlyList<Weight> terms) => terms.Count > 0 ? terms[0] : throw new InvalidModelException("a sum needs a term");

    private protected override void DecodeTo(Span<float> y)
    {
        var sums = new double[y.Length];
        foreach (var term in Terms)
        {
            var dense = term.ToF32();
            var v = dense.Span<float>();
            for (int i = 0; i < sums.Length; i++) sums[i] += v[i];
            GC.KeepAlive(dense);
        }
        for (int i = 0; i < sums.Length; i++) y[i] = (float)sums[i];
    }
}
