namespace Engine.Tensors;

/// <summary>
/// Kronecker product of A [a, b] and B [p, q, …]: x[i·p + u, j·q + v, …] = A[i, j] · B[u, v, …]; its shape is [a·p, b·q, …].
/// <para>Layout: the two factors. Trailing axes of B are a convolution's kernel.</para>
/// <para>Reason: adapters and hypercomplex layers, 1/n of the parameters; several of them make a <see cref="WeightSum"/>.</para>
/// </summary>
public sealed class Kronecker : EncodedWeight
{
    /// <summary>Creates the weight.</summary>
    public Kronecker(Weight a, Weight b) : base(ShapeOf(a.Shape, b.Shape), Common(a, b)) => (A, B) = (a, b);

    /// <summary>The outer factor.</summary>
    public Weight A { get; }

    /// <summary>The inner factor.</summary>
    public Weight B { get; }

    /// <inheritdoc/>
    public override long StoredBytes => A.StoredBytes + B.StoredBytes;

    /// <inheritdoc/>
    public override string Describe() => $"Kronecker({A.Describe()}, {B.Describe()})";

    private static Shape ShapeOf(Shape a, Shape b)
    {
        Require(a.Rank == 2 && b.Rank >= 2, $"factors {a} and {b}: a matrix and a matrix or filter bank expected");
        return b.With(0, Checked.Mul(a[0], b[0])).With(1, Checked.Mul(a[1], b[1]));
    }

    private protected override void DecodeTo(Span<float> y)
    {
        Tensor outer = A.ToF32(), inner = B.ToF32();
        ReadOnlySpan<float> a = outer.Span<float>(), b = inner.Span<float>();
        int ca = A.Shape.Int(1), p = B.Shape.Int(0), block = Checked.Int(B.Shape.Product(1, B.Shape.Rank));
        for (int row = 0, at = 0; row < Rows; row++)
            for (int j = 0; j < ca; j++)
            {
                float f = a[row / p * ca + j];
                foreach (float v in b.Slice(row % p * block, block)) y[at++] = f * v;
            }
        GC.KeepAlive(outer);
        GC.KeepAlive(inner);
    }
}
