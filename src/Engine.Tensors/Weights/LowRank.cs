using System.Globalization;

namespace Engine.Tensors;

/// <summary>
/// A product of two thin factors: x[o, k] = Σ_r U[r, o] · V[r, k].
/// <para>Layout: both factors rank-major, U [rank, rows] (transposed) and V [rank, columns], so that the first r ranks of each are a
/// contiguous prefix and nested ranks need no copy. The shape may have more axes than two; V's are then flattened.</para>
/// <para>A weight may stand for the first ranks alone of factors that hold more: all such prefixes share one storage.</para>
/// <para>Reason: smaller and faster where rank &lt; rows · columns / (rows + columns). Decoded with sums in binary64.</para>
/// </summary>
public sealed class LowRank : EncodedWeight
{
    /// <summary>Creates the weight of all ranks of the factors, or of the first <paramref name="rank"/>.</summary>
    public LowRank(Shape shape, Weight u, Weight v, int? rank = null) : base(shape, Common(u, v))
    {
        Require(u.Shape.Rank >= 1 && v.Shape.Rank >= 1 && u.Shape[0] == v.Shape[0], $"factors {u.Shape} and {v.Shape} differ in rank");
        StoredRank = u.Shape.Int(0);
        Require(u.Shape.Elements == Checked.Mul(StoredRank, Rows) && v.Shape.Elements == Checked.Mul(StoredRank, Columns), $"factors {u.Shape} and {v.Shape} do not make {shape}");
        Rank = rank ?? StoredRank;
        Require(Rank >= 0 && Rank <= StoredRank, $"rank {Rank} is not in 0 to {StoredRank}, which the factors hold");
        (U, V) = (u, v);
    }

    /// <summary>[stored rank, rows].</summary>
    public Weight U { get; }

    /// <summary>[stored rank, columns].</summary>
    public Weight V { get; }

    /// <summary>Number of ranks.</summary>
    public int Rank { get; }

    /// <summary>Ranks that the factors hold.</summary>
    public int StoredRank { get; }

    /// <summary>The weight of at most the first <paramref name="rank"/> ranks, on the same storage.</summary>
    public LowRank Prefix(int rank) => rank >= Rank ? this : new(Shape, U, V, rank);

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
