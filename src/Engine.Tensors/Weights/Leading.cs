namespace Engine.Tensors;

/// <summary>
/// The first entries along every axis of a larger dense weight, on the same storage: what a narrower sub-network keeps of it.
/// <para>Layout: the larger weight's own; element [i, j, …] is the larger one's [i, j, …].</para>
/// <para>Reason: kernels that can read a prefix of their layout share one packed copy between all widths; the others decode.</para>
/// </summary>
public sealed class Leading : Weight
{
    /// <summary>Creates the view; <paramref name="shape"/> has the rank of the larger weight and at most its extents. Throws <see cref="InvalidModelException"/> else.</summary>
    public Leading(Dense whole, Shape shape)
    {
        bool fits = shape.Rank == whole.Shape.Rank;
        for (int i = 0; fits && i < shape.Rank; i++) fits = shape[i] <= whole.Shape[i];
        if (!fits) throw new InvalidModelException($"the first {shape} entries of a weight {whole.Shape} do not exist");
        (Whole, Shape) = (whole, shape);
    }

    /// <summary>The larger weight.</summary>
    public Dense Whole { get; }

    /// <inheritdoc/>
    public override Shape Shape { get; }

    /// <inheritdoc/>
    public override DType DType => Whole.DType;

    /// <inheritdoc/>
    public override long StoredBytes => DType.ByteCount(Shape.Elements);

    /// <inheritdoc/>
    public override string Describe() => Whole.Describe();

    /// <inheritdoc/>
    public override Tensor Decode() => Whole.Values.Take([.. Shape.Dims.ToArray().Select(d => (IReadOnlyList<AxisRun>)[new(0, d)])]);

    /// <summary>The larger weight where <paramref name="weight"/> is a part of one, else the weight itself.</summary>
    public static Weight WholeOf(Weight weight) => weight is Leading l ? l.Whole : weight;
}
