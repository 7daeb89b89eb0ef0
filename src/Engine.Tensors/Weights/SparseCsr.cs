namespace Engine.Tensors;

/// <summary>
/// Compressed sparse rows: unstructured sparsity, and the outliers of a <see cref="WeightSum"/>.
/// <para>Layout: starts i32 [rows + 1], where row r's entries begin; columns u16 or i32 [entries], rising strictly in a row; values
/// [entries] as a weight.</para>
/// <para>Reason: bytes and work follow the non-zeros; pays from about 90 % zeros on.</para>
/// </summary>
public sealed class SparseCsr : EncodedWeight
{
    /// <summary>Creates the weight; starts and columns are checked. The element type is that of the values unless another is given.</summary>
    public SparseCsr(Shape shape, Tensor starts, Tensor columns, Weight values, DType? dtype = null) : base(shape, dtype ?? values.DType)
    {
        (Starts, ColumnIndices, Values) = (starts, columns, values);
        long entries = values.Shape.Elements;
        Require(starts.DType == DType.I32 && starts.Shape.Elements == Rows + 1L, $"row starts are i32[{Rows + 1L}], not {starts}");
        Require(columns.DType is DType.U16 or DType.I32 && columns.Shape.Elements == entries, $"columns are u16 or i32, {entries} of them, not {columns}");
        CheckCsr(starts.Span<int>(), i => Column(i), entries, Columns, "row");
    }

    /// <summary>First entry of each row, and the number of entries.</summary>
    public Tensor Starts { get; }

    /// <summary>Column of each entry.</summary>
    public Tensor ColumnIndices { get; }

    /// <summary>Value of each entry.</summary>
    public Weight Values { get; }

    /// <inheritdoc/>
    public override long StoredBytes => Starts.ByteLength + ColumnIndices.ByteLength + Values.StoredBytes;

    /// <inheritdoc/>
    public override string Describe() => $"Sparse(CSR, {Values.Describe()})";

    /// <summary>Stores the values of a weight that are not zero, in f32: decoding gives the same values.</summary>
    public static SparseCsr From(Weight weight)
    {
        var dense = weight.ToF32();
        ReadOnlySpan<float> x = dense.Span<float>();
        int rows = weight.Shape.Int(0), columns = Checked.Int(weight.Shape.Product(1, weight.Shape.Rank)), entries = 0;
        foreach (float v in x) if (v != 0) entries++;
        Tensor starts = Tensor.Allocate(DType.I32, new Shape(rows + 1L)), indices = Tensor.Allocate(columns <= ushort.MaxValue + 1 ? DType.U16 : DType.I32, new Shape(entries)), values = Tensor.Allocate(DType.F32, new Shape(entries));
        for (int r = 0, at = 0; r < rows; r++)
        {
            starts.Span<int>()[r] = at;
            for (int k = 0; k < columns; k++)
            {
                if (x[r * columns + k] is var v && v == 0) continue;
                values.Span<float>()[at] = v;
                if (indices.DType == DType.U16) indices.Span<ushort>()[at++] = (ushort)k;
                else indices.Span<int>()[at++] = k;
            }
        }
        starts.Span<int>()[rows] = entries;
        GC.KeepAlive(dense);
        return new SparseCsr(weight.Shape, starts, indices, new Dense(values));
    }

    /// <summary>
    /// The term that, added to a base (<see cref="WeightSum"/>), makes the given entries have the given values: each is stored as its value less what
    /// the base decodes to there. The sum gives a 16-bit float back to the bit where the base lies between zero and twice the value, as it does at
    /// outliers; any value to half a unit in the last place of the difference.
    /// </summary>
    public static SparseCsr Replacing(Weight @base, Tensor starts, Tensor columns, Weight values)
    {
        var wanted = new SparseCsr(@base.Shape, starts, columns, values);
        Tensor dense = @base.ToF32(), to = values.ToF32(), difference = Tensor.Allocate(DType.F32, values.Shape);
        ReadOnlySpan<float> b = dense.Span<float>(), v = to.Span<float>();
        var d = difference.Span<float>();
        var first = starts.Span<int>();
        for (int r = 0; r < wanted.Rows; r++)
            for (int i = first[r]; i < first[r + 1]; i++) d[i] = (float)((double)v[i] - b[r * wanted.Columns + wanted.Column(i)]);
        GC.KeepAlive(dense);
        GC.KeepAlive(to);
        return new SparseCsr(@base.Shape, starts, columns, new Dense(difference));
    }

    /// <summary>Throws unless starts rise from 0 to the number of entries and indices rise strictly within each run, below the limit.</summary>
    internal static void CheckCsr(ReadOnlySpan<int> starts, Func<int, int> index, long entries, int limit, string run)
    {
        Require(starts[0] == 0 && starts[^1] == entries, $"{run} starts go from {starts[0]} to {starts[^1]}, expected 0 to {entries}");
        for (int r = 0; r + 1 < starts.Length; r++)
        {
            Require(starts[r] <= starts[r + 1] && starts[r + 1] <= entries, $"{run} starts do not rise at {run} {r}");
            for (int i = starts[r]; i < starts[r + 1]; i++)
                Require(index(i) >= 0 && index(i) < limit && (i == starts[r] || index(i) > index(i - 1)), $"{run} {r}: index {index(i)} is out of order or not below {limit}");
        }
    }

    private int Column(int i) => ColumnIndices.DType == DType.U16 ? ColumnIndices.Span<ushort>()[i] : ColumnIndices.Span<int>()[i];

    private protected override void DecodeTo(Span<float> y)
    {
        var dense = Values.ToF32();
        ReadOnlySpan<float> v = dense.Span<float>();
        var starts = Starts.Span<int>();
        for (int r = 0; r < Rows; r++)
            for (int i = starts[r]; i < starts[r + 1]; i++)
                y[r * Columns + Column(i)] = v[i];
        GC.KeepAlive(dense);
    }
}
