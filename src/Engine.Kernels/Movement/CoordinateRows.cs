namespace Engine.Kernels;

/// <summary>Rows addressed by tuples of <c>depth</c> coordinates, as GatherND and ScatterND have them; coordinate d runs over <c>dims[d]</c> by <c>strides[d]</c> elements.</summary>
public readonly unsafe struct CoordinateRows(long* indices, int depth, long[] dims, long[] strides)
{
    /// <summary>Offset in elements of the row that tuple <paramref name="row"/> names.</summary>
    public long Offset(long row)
    {
        var reader = new IndexReader((byte*)(indices + row * depth), true);
        long at = 0;
        for (int d = 0; d < depth; d++) at += reader.At(d, dims[d]) * strides[d];
        return at;
    }
}

/// <summary>Copies rows from where coordinate tuples say: GatherND.</summary>
public static unsafe class GatherCoordinates
{
    /// <summary>Gathers <paramref name="rows"/> rows; every <paramref name="rowsPerBatch"/> of them the data moves on by <paramref name="batchStride"/> elements.</summary>
    public static void Run(Workers workers, byte* x, CoordinateRows coordinates, byte* y, int rows, int rowsPerBatch, long batchStride, int width, long rowBytes)
    {
        if (rowBytes == 0) return;
        workers.For(rows, (int)Math.Max(1, 16384 / rowBytes), new Body(x, coordinates, y, rowsPerBatch, batchStride, width, rowBytes));
    }

    private readonly struct Body(byte* x, CoordinateRows coordinates, byte* y, int rowsPerBatch, long batchStride, int width, long rowBytes) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int r = start; r < end; r++)
                RowCopy.Copy(x + (r / rowsPerBatch * batchStride + coordinates.Offset(r)) * width, y + r * rowBytes, rowBytes);
        }
    }
}

/// <summary>Puts rows where coordinate tuples say, in order: ScatterND. Work is split over columns, since two rows may share a target.</summary>
public static unsafe class ScatterCoordinates
{
    /// <summary>Scatters <paramref name="rows"/> rows of <paramref name="columns"/> elements into <paramref name="y"/>.</summary>
    public static void Run<T, TJoin>(Workers workers, T* updates, CoordinateRows coordinates, T* y, int rows, int columns) where T : unmanaged where TJoin : struct, IScatterJoin<T> =>
        workers.For(columns, Math.Max(64, (int)Math.Min(int.MaxValue, 32768L / Math.Max(1, rows))), new Body<T, TJoin>(updates, coordinates, y, rows, columns));

    private readonly struct Body<T, TJoin>(T* updates, CoordinateRows coordinates, T* y, int rows, int columns) : IParallelBody where T : unmanaged where TJoin : struct, IScatterJoin<T>
    {
        public void Run(int start, int end)
        {
            for (int r = 0; r < rows; r++)
            {
                T* from = updates + (long)r * columns, to = y + coordinates.Offset(r);
                for (int i = start; i < end; i++) to[i] = TJoin.Join(to[i], from[i]);
            }
        }
    }
}
