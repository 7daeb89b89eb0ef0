using System.Globalization;

namespace Engine.Tensors;

/// <summary>
/// Whole blocks of height × width elements are kept, the rest are zero.
/// <para>Layout: starts i32 [⌈rows / height⌉ + 1], where the blocks of a block row begin; block columns i32 [blocks], rising strictly in a
/// block row; values [blocks, height, width] as a weight. Elements past the last row or column are ignored.</para>
/// <para>Reason: one index a block, and a block fills vectors: 8 × 4 is 8 rows of accumulators by 4 columns.</para>
/// </summary>
public sealed class SparseBlocks : EncodedWeight
{
    /// <summary>Creates the weight; starts and columns are checked. The element type is that of the values unless another is given.</summary>
    public SparseBlocks(Shape shape, int height, int width, Tensor starts, Tensor columns, Weight values, DType? dtype = null) : base(shape, dtype ?? values.DType)
    {
        Require(height is > 0 and <= 256 && width is > 0 and <= 256, $"block size {height}x{width} is outside 1 to 256");
        (Height, Width, Starts, BlockColumns, Values) = (height, width, starts, columns, values);
        long blocks = columns.Shape.Elements, blockRows = Checked.CeilDiv(Rows, height);
        Require(starts.DType == DType.I32 && starts.Shape.Elements == blockRows + 1, $"block row starts are i32[{blockRows + 1}], not {starts}");
        Require(columns.DType == DType.I32, $"block columns are i32, not {columns.DType.Display()}");
        Require(values.Shape.Elements == Checked.Mul(blocks, height * width), $"{blocks} blocks hold {Checked.Mul(blocks, height * width)} values, got {values.Shape.Elements}");
        SparseCsr.CheckCsr(starts.Span<int>(), i => columns.Span<int>()[i], blocks, (int)Checked.CeilDiv(Columns, width), "block row");
    }

    /// <summary>Rows a block.</summary>
    public int Height { get; }

    /// <summary>Columns a block.</summary>
    public int Width { get; }

    /// <summary>First block of each block row, and the number of blocks.</summary>
    public Tensor Starts { get; }

    /// <summary>Block column of each block.</summary>
    public Tensor BlockColumns { get; }

    /// <summary>The blocks kept.</summary>
    public Weight Values { get; }

    /// <inheritdoc/>
    public override long StoredBytes => Starts.ByteLength + BlockColumns.ByteLength + Values.StoredBytes;

    /// <inheritdoc/>
    public override string Describe() => string.Create(CultureInfo.InvariantCulture, $"Sparse({Height}x{Width}, {Values.Describe()})");

    /// <summary>Stores the blocks of a weight that are not all zero, in f32: decoding gives the same values.</summary>
    public static SparseBlocks From(Weight weight, int height, int width)
    {
        var dense = weight.ToF32();
        ReadOnlySpan<float> x = dense.Span<float>();
        int rows = weight.Shape.Int(0), columns = Checked.Int(weight.Shape.Product(1, weight.Shape.Rank));
        var (starts, blocks, values) = (new List<int>(), new List<int>(), new List<float>());
        var block = new float[Checked.Int(Checked.Mul(height, width))];
        for (int top = 0; top < rows; top += height)
        {
            starts.Add(blocks.Count);
            for (int left = 0; left < columns; left += width)
            {
                Array.Clear(block);
                for (int r = top; r < Math.Min(rows, top + height); r++) x.Slice(r * columns + left, Math.Min(width, columns - left)).CopyTo(block.AsSpan((r - top) * width));
                if (!Array.Exists(block, v => v != 0)) continue;
                blocks.Add(left / width);
                values.AddRange(block);
            }
        }
        starts.Add(blocks.Count);
        GC.KeepAlive(dense);
        return new SparseBlocks(weight.Shape, height, width, Tensor.Vector<int>([.. starts]), Tensor.Vector<int>([.. blocks]), new Dense(Tensor.From(new Shape(blocks.Count, height, width), values.ToArray())));
    }

    private protected override void DecodeTo(Span<float> y)
    {
        var dense = Values.ToF32();
        ReadOnlySpan<float> v = dense.Span<float>();
        ReadOnlySpan<int> starts = Starts.Span<int>(), columns = BlockColumns.Span<int>();
        for (int br = 0; br + 1 < starts.Length; br++)
            for (int b = starts[br]; b < starts[br + 1]; b++)
            {
                int row = br * Height, column = columns[b] * Width, width = Math.Min(Width, Columns - column);
                for (int r = row; r < Math.Min(row + Height, Rows); r++)
                    v.Slice((b * Height + r - row) * Width, width).CopyTo(y[(r * Columns + column)..]);
            }
        GC.KeepAlive(dense);
    }
}
