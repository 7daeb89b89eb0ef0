namespace Engine.Tensors;

/// <summary>
/// Columns in another order: column j of the inner weight is column <c>order[j]</c> of this one, so that y = Σ_j W[:, j] · x[order[j]].
/// <para>Layout: order i32 [columns], a permutation.</para>
/// <para>Reason: quantizers that sort columns by importance (act-order) keep groups contiguous this way, and activations are permuted
/// once a product.</para>
/// </summary>
public sealed class Permuted : EncodedWeight
{
    /// <summary>Creates the weight; the order must be a permutation.</summary>
    public Permuted(Weight inner, Tensor order) : base(inner.Shape, inner.DType)
    {
        Require(order.DType == DType.I32 && order.Shape.Elements == Columns, $"the order is i32[{Columns}], not {order}");
        var seen = new bool[Columns];
        foreach (int k in order.Span<int>())
        {
            Require(k >= 0 && k < Columns && !seen[k], $"the order is no permutation: {k} is out of range or comes twice");
            seen[k] = true;
        }
        (Inner, Order) = (inner, order);
    }

    /// <summary>The weight with sorted columns.</summary>
    public Weight Inner { get; }

    /// <summary>Where the inner weight's columns stand.</summary>
    public Tensor Order { get; }

    /// <inheritdoc/>
    public override long StoredBytes => Inner.StoredBytes + Order.ByteLength;

    /// <inheritdoc/>
    public override string Describe() => $"Permuted({Inner.Describe()})";

    private protected override void DecodeTo(Span<float> y)
    {
        var dense = Inner.ToF32();
        ReadOnlySpan<float> v = dense.Span<float>();
        var order = Order.Span<int>();
        for (int r = 0; r < Rows; r++)
            for (int j = 0; j < order.Length; j++)
                y[r * Columns + order[j]] = v[r * Columns + j];
        GC.KeepAlive(dense);
    }
}
