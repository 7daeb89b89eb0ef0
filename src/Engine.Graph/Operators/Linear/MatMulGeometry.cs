using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// A batched matrix product in elements: C[m,n] = Σk A[m·ARow + k·AColumn] · B[k·BRow + n·BColumn] for every batch index. Batch strides
/// are 0 where an operand is broadcast. C is row-major.
/// </summary>
public sealed class MatMulGeometry
{
    /// <summary>Rows, columns, length of the sums.</summary>
    public int M { get; private init; }

    /// <inheritdoc cref="M"/>
    public int N { get; private init; }

    /// <inheritdoc cref="M"/>
    public int K { get; private init; }

    /// <summary>Strides of A.</summary>
    public long ARow { get; private init; }

    /// <inheritdoc cref="ARow"/>
    public long AColumn { get; private init; }

    /// <summary>Strides of B.</summary>
    public long BRow { get; private init; }

    /// <inheritdoc cref="BRow"/>
    public long BColumn { get; private init; }

    /// <summary>First element of A for every batch index.</summary>
    public long[] AStarts { get; private init; } = [];

    /// <summary>First element of every distinct matrix of B.</summary>
    public long[] BStarts { get; private init; } = [];

    /// <summary>Which matrix of B serves every batch index.</summary>
    public int[] BIndex { get; private init; } = [];

    /// <summary>Shape of the result.</summary>
    public Shape Output { get; private init; }

    /// <summary>Number of products.</summary>
    public int Batch => AStarts.Length;

    /// <summary>Multiplies and adds.</summary>
    public double Operations => 2.0 * Output.Elements * K;

    /// <summary>Plain two-dimensional product, either operand transposed.</summary>
    public static MatMulGeometry Of(Shape a, Shape b, bool transA = false, bool transB = false) => Of(a, b, transA, transB, false, false);

    /// <summary>
    /// NumPy's matmul; <paramref name="batchA"/> moves axis 0 of A behind its batch axes first, <paramref name="transA"/> then swaps the last two; likewise B.
    /// </summary>
    public static MatMulGeometry Of(Shape a, Shape b, bool transA, bool transB, bool batchA, bool batchB)
    {
        if (a.Rank == 0 || b.Rank == 0) throw new OperatorException($"cannot multiply {a} by {b}: scalars have no rows");
        var x = new Matrix(a, transA, batchA, false);
        var y = new Matrix(b, transB, batchB, true);
        if (x.Columns != y.Rows) throw new OperatorException($"cannot multiply {a}{(transA ? "ᵀ" : "")} by {b}{(transB ? "ᵀ" : "")}: inner dimensions {x.Columns} and {y.Rows} differ");
        var batch = Shape.Broadcast(new Shape(x.Batch), new Shape(y.Batch));
        List<long> dims = [.. batch.Dims];
        if (a.Rank > 1) dims.Add(x.Rows);
        if (b.Rank > 1) dims.Add(y.Columns);
        var output = new Shape([.. dims]);
        var distinct = new Shape(y.Batch);
        bool any = output.Elements > 0;
        return new MatMulGeometry
        {
            M = Checked.Int(x.Rows),
            N = Checked.Int(y.Columns),
            K = Checked.Int(x.Columns),
            ARow = x.RowStride,
            AColumn = x.ColumnStride,
            BRow = y.RowStride,
            BColumn = y.ColumnStride,
            Output = output,
            AStarts = any ? Offsets(batch, x.Batch, x.BatchStrides) : [],
            BStarts = any ? Offsets(distinct, y.Batch, y.BatchStrides) : [],
            BIndex = any ? [.. Offsets(batch, y.Batch, distinct.Strides()).Select(v => (int)v)] : [],
        }.Flattened(x.IsPlain);
    }

    // One B for all and rows of A in one line: a single tall product.
    private MatMulGeometry Flattened(bool plainA)
    {
        if (Batch <= 1 || BStarts.Length != 1 || !plainA || AStarts[^1] != (Batch - 1L) * M * K) return this;
        return new MatMulGeometry { M = Checked.Int((long)M * Batch), N = N, K = K, ARow = ARow, AColumn = AColumn, BRow = BRow, BColumn = BColumn, Output = Output, AStarts = [0], BStarts = BStarts, BIndex = [0] };
    }

    private static long[] Offsets(Shape batch, long[] dims, long[] strides)
    {
        var offsets = new long[batch.Count];
        var index = new long[batch.Rank];
        long at = 0;
        for (int i = 0; i < offsets.Length; i++)
        {
            offsets[i] = at;
            for (int d = batch.Rank - 1; d >= 0; d--)
            {
                int own = d - (batch.Rank - dims.Length);
                long step = own < 0 || dims[own] == 1 ? 0 : strides[own];
                at += step;
                if (++index[d] < batch[d]) break;
                at -= step * batch[d];
                index[d] = 0;
            }
        }
        return offsets;
    }

    /// <summary>One operand as batch axes and a strided matrix; a vector is a row on the left, a column on the right.</summary>
    private sealed class Matrix
    {
        public readonly long Rows, Columns, RowStride, ColumnStride;
        public readonly long[] Batch, BatchStrides;
        public readonly bool IsPlain;

        public Matrix(Shape s, bool transpose, bool batchFirst, bool right)
        {
            var strides = s.Strides();
            if (s.Rank == 1)
            {
                (Rows, Columns, RowStride, ColumnStride) = right ? (s[0], 1L, 1L, 1L) : (1L, s[0], s[0], 1L);
                (Batch, BatchStrides, IsPlain) = ([], [], true);
                return;
            }
            List<int> axes = [.. Enumerable.Range(0, s.Rank)];
            if (batchFirst)
            {
                axes.RemoveAt(0);
                axes.Insert(s.Rank - 2, 0);
            }
            if (transpose) (axes[^1], axes[^2]) = (axes[^2], axes[^1]);
            (Rows, Columns, RowStride, ColumnStride) = (s[axes[^2]], s[axes[^1]], strides[axes[^2]], strides[axes[^1]]);
            Batch = [.. axes.SkipLast(2).Select(i => s[i])];
            BatchStrides = [.. axes.SkipLast(2).Select(i => strides[i])];
            IsPlain = axes.SequenceEqual(Enumerable.Range(0, s.Rank));
        }
    }
}
