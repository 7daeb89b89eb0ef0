using System.Globalization;

namespace Engine.Tensors;

/// <summary>
/// A product of two thin factors: x[o, k] = Σ_r U[r, o] · V[r, k].
/// <para>Layout: both factors rank-major, U [rank, rows] (transposed) and V [rank, columns], so that the first r ranks of each are a
/// contiguous prefix and nested ranks need no copy. The shape may have more axes than two; V's are then flattened.</para>
/// <para>Reason: smaller and faster where rank &lt; rows · columns / (rows + columns). Decoded with sums in binary64.</para>
/// </summary>
public sealed class LowRank : EncodedWeight
{
    /// <summary>Creates the weight.</summary>
    public LowRank(Shape shape, Weight u, Weight v) : base(shape, Common(u, v))
    {
        Require(u.Shape.Rank >= 1 && v.Shape.Rank >= 1 && u.Shape[0] == v.Shape[0], $"factors {u.Shape} and {v.Shape} differ in rank");
        Rank = u.Shape.Int(0);
        Require(u.Shape.Elements == Checked.Mul(Rank, Rows) && v.Shape.Elements == Checked.Mul(Rank, Columns), $"factors {u.Shape} and {v.Shape} do not make {shape}");
        (U, V) = (u, v);
    }

    /// <summary>[rank, rows].</summary>
    public Weight U { get; }

    /// <summary>[rank, columns].</summary>
    public Weight V { get; }

    /// <summary>Number of ranks.</summary>
    public int Rank { get; }

    /// <inheritdoc/>
    public override long StoredBytes => U.StoredBytes + V.StoredBytes;

    /// <inheritdoc/>
    public override string Describe() => string.Create(CultureInfo.InvariantCulture, $"LowRank({Rank}, {U.Describe()}, {V.Describe()})");

    private protected override void DecodeTo(Span<float> y)
    {
        Tensor left = U.ToF32(), right = V.ToF32();
        ReadOnlySpan<float> u = left.Span<float>(), v = right.Span<float>();
        var sums = new double[Columns];
        for (int o = 0; o < Rows; o++)
        {
            Array.Clear(sums);
            for (int r = 0; r < Rank; r++)
            {
                double f = u[r * Rows + o];
                var row = v.Slice(r * Columns, Columns);
                for (int k = 0; k < row.Length; k++) sums[k] += f * row[k];
            }
            for (int k = 0; k < Columns; k++) y[o * Columns + k] = (float)sums[k];
        }
        GC.KeepAlive(left);
        GC.KeepAlive(right);
    }
}
