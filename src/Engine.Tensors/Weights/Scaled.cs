namespace Engine.Tensors;

/// <summary>
/// Rows and columns multiplied by factors: x[r, k] = row[r] · w[r, k] · column[k].
/// <para>Layout: f32 [rows] and f32 [columns], either of which may be missing, not both.</para>
/// <para>Reason: the α of binary weights, magnitude-and-direction adapters, and equalization folded into weights.</para>
/// </summary>
public sealed class Scaled : EncodedWeight
{
    /// <summary>Creates the weight.</summary>
    public Scaled(Weight inner, Tensor? row = null, Tensor? column = null) : base(inner.Shape, inner.DType)
    {
        Require(row is not null || column is not null, "a scaled weight needs row or column factors");
        Require(row is null || row.DType == DType.F32 && row.Shape.Elements == Rows, $"row factors are f32[{Rows}], not {row}");
        Require(column is null || column.DType == DType.F32 && column.Shape.Elements == Columns, $"column factors are f32[{Columns}], not {column}");
        (Inner, Row, Column) = (inner, row, column);
    }

    /// <summary>The weight before scaling.</summary>
    public Weight Inner { get; }

    /// <summary>Factors of rows, or null.</summary>
    public Tensor? Row { get; }

    /// <summary>Factors of columns, or null.</summary>
    public Tensor? Column { get; }

    /// <inheritdoc/>
    public override long StoredBytes => Inner.StoredBytes + (Row?.ByteLength ?? 0) + (Column?.ByteLength ?? 0);

    /// <inheritdoc/>
    public override string Describe() => $"Scaled({Inner.Describe()}{(Row is null ? "" : ", row")}{(Column is null ? "" : ", column")})";

    private protected override void DecodeTo(Span<float> y)
    {
        var dense = Inner.ToF32();
        ReadOnlySpan<float> v = dense.Span<float>(), row = Row is null ? default : Row.Span<float>(), column = Column is null ? default : Column.Span<float>();
        for (int r = 0, i = 0; r < Rows; r++)
            for (int k = 0; k < Columns; k++, i++)
                y[i] = v[i] * (row.IsEmpty ? 1 : row[r]) * (column.IsEmpty ? 1 : column[k]);
        GC.KeepAlive(dense);
    }
}
