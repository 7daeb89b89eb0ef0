namespace Engine.Tensors;

/// <summary>
/// A few rows of a matrix, the rest zero: row <c>index[i]</c> is row i of the inner weight.
/// <para>Layout: indices i32, rising strictly; an inner weight with as many rows.</para>
/// <para>Reason: what structured pruning leaves, and the kept rows beside a <see cref="LowRank"/>.</para>
/// </summary>
public sealed class Rows : EncodedWeight
{
    /// <summary>Creates the weight of <paramref name="count"/> rows; indices are checked.</summary>
    public Rows(int count, Tensor indices, Weight inner) : base(Widen(count, inner), inner.DType)
    {
        Require(indices.DType == DType.I32 && indices.Shape.Elements == inner.Shape[0], $"row indices are i32[{inner.Shape[0]}], not {indices}");
        int last = -1;
        foreach (int i in indices.Span<int>())
        {
            Require(i > last && i < count, $"row index {i} is out of order or not below {count}");
            last = i;
        }
        (Indices, Inner) = (indices, inner);
    }

    /// <summary>Where the inner weight's rows stand.</summary>
    public Tensor Indices { get; }

    /// <summary>The rows kept.</summary>
    public Weight Inner { get; }

    /// <inheritdoc/>
    public override long StoredBytes => Indices.ByteLength + Inner.StoredBytes;

    /// <inheritdoc/>
    public override string Describe() => $"Rows({Inner.Describe()})";

    private static Shape Widen(int count, Weight inner)
    {
        Require(inner.Shape.Rank > 0 && count >= 0, "rows need a matrix");
        return inner.Shape.With(0, count);
    }

    private protected override void DecodeTo(Span<float> y)
    {
        var dense = Inner.ToF32();
        ReadOnlySpan<float> v = dense.Span<float>();
        var index = Indices.Span<int>();
        for (int i = 0; i < index.Length; i++) v.Slice(i * Columns, Columns).CopyTo(y[(index[i] * Columns)..]);
        GC.KeepAlive(dense);
    }
}
