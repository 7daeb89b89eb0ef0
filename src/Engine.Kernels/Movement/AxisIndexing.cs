namespace Engine.Kernels;

/// <summary>
/// Elements whose coordinate along one axis comes from an index, all others from their own place: GatherElements and
/// ScatterElements. Indices are walked as rows along their last axis.
/// </summary>
public sealed class AxisIndexing
{
    private readonly long[] _dims, _strides;
    private readonly long _axisLength, _axisStride;
    private readonly bool _along;

    /// <summary>Describes indices of shape <paramref name="indices"/> into data of shape <paramref name="data"/>, ranks equal and above 0.</summary>
    public AxisIndexing(Tensors.Shape data, Tensors.Shape indices, int axis)
    {
        int last = data.Rank - 1;
        var strides = data.Strides();
        (_axisLength, _axisStride, _along) = (data[axis], strides[axis], axis == last);
        _dims = indices.ToArray()[..last];
        _strides = strides[..last];
        if (!_along) _strides[axis] = 0;
        if (indices.Elements == 0) return;
        Columns = indices.Int(last);
        Rows = Tensors.Checked.Int(indices.Product(0, last));
        Blocks = _along ? Rows : Tensors.Checked.Int(indices.Product(0, axis));
    }

    /// <summary>Length of a row of indices; 0 when there are none.</summary>
    public int Columns { get; }

    /// <summary>Number of rows of indices.</summary>
    public int Rows { get; }

    /// <summary>Number of groups of consecutive rows that reach disjoint elements of the data.</summary>
    public int Blocks { get; }

    /// <summary>y[i] = x at the place that index i names.</summary>
    public unsafe void Gather<T>(Workers workers, T* x, IndexReader indices, T* y) where T : unmanaged
    {
        if (Columns > 0) workers.For(Rows, Math.Max(1, 8192 / Columns), new GatherBody<T>(this, x, indices, y));
    }

    /// <summary>Joins update i to y at the place that index i names, in order.</summary>
    public unsafe void Scatter<T, TJoin>(Workers workers, T* updates, IndexReader indices, T* y) where T : unmanaged where TJoin : struct, IScatterJoin<T>
    {
        if (Columns == 0) return;
        if (Blocks > 1) workers.For(Blocks, Math.Max(1, 8192 / (Rows / Blocks * Columns)), new BlockBody<T, TJoin>(this, updates, indices, y));
        else if (_along) new BlockBody<T, TJoin>(this, updates, indices, y).Run(0, 1);
        else workers.For(Columns, Math.Max(16, 8192 / Rows), new ColumnBody<T, TJoin>(this, updates, indices, y));
    }

    // Offset of the row's first element in the data, the indexed axis left out.
    private long RowOffset(int row)
    {
        long at = 0, rest = row;
        for (int d = _dims.Length - 1; d >= 0; d--)
        {
            (rest, long i) = Math.DivRem(rest, _dims[d]);
            at += i * _strides[d];
        }
        return at;
    }

    private unsafe void ScatterRow<T, TJoin>(int row, int start, int end, T* updates, IndexReader indices, T* y) where T : unmanaged where TJoin : struct, IScatterJoin<T>
    {
        T* to = y + RowOffset(row);
        long at = (long)row * Columns, step = _along ? 0 : 1;
        for (int i = start; i < end; i++)
        {
            T* e = to + i * step + indices.At(at + i, _axisLength) * _axisStride;
            *e = TJoin.Join(*e, updates[at + i]);
        }
    }

    private readonly unsafe struct GatherBody<T>(AxisIndexing g, T* x, IndexReader indices, T* y) : IParallelBody where T : unmanaged
    {
        public void Run(int start, int end)
        {
            for (int row = start; row < end; row++)
            {
                T* from = x + g.RowOffset(row);
                long at = (long)row * g.Columns, step = g._along ? 0 : 1;
                for (int i = 0; i < g.Columns; i++) y[at + i] = from[i * step + indices.At(at + i, g._axisLength) * g._axisStride];
            }
        }
    }

    private readonly unsafe struct BlockBody<T, TJoin>(AxisIndexing g, T* updates, IndexReader indices, T* y) : IParallelBody where T : unmanaged where TJoin : struct, IScatterJoin<T>
    {
        public void Run(int start, int end)
        {
            int rows = g.Rows / g.Blocks;
            for (int row = start * rows; row < end * rows; row++) g.ScatterRow<T, TJoin>(row, 0, g.Columns, updates, indices, y);
        }
    }

    private readonly unsafe struct ColumnBody<T, TJoin>(AxisIndexing g, T* updates, IndexReader indices, T* y) : IParallelBody where T : unmanaged where TJoin : struct, IScatterJoin<T>
    {
        public void Run(int start, int end)
        {
            for (int row = 0; row < g.Rows; row++) g.ScatterRow<T, TJoin>(row, start, end, updates, indices, y);
        }
    }
}
