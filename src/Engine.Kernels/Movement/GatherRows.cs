namespace Engine.Kernels;

/// <summary>y[o, k] = x[o, indices[k]] for rows of bytes: Gather with x as [outer, axis, row].</summary>
public static unsafe class GatherRows
{
    /// <summary>Gathers <paramref name="count"/> rows of each of <paramref name="outer"/> blocks of <paramref name="axis"/> rows.</summary>
    public static void Run(Workers workers, byte* x, IndexReader indices, byte* y, int outer, long axis, int count, long rowBytes)
    {
        if (rowBytes == 0) return;
        workers.For(Tensors.Checked.Int((long)outer * count), (int)Math.Max(1, 32768 / rowBytes), new Body(x, indices, y, axis, count, rowBytes));
    }

    private readonly struct Body(byte* x, IndexReader indices, byte* y, long axis, int count, long rowBytes) : IParallelBody
    {
        public void Run(int start, int end)
        {
            var (o, k) = Math.DivRem(start, count);
            byte* block = x + o * axis * rowBytes, to = y + start * rowBytes;
            for (int r = start; r < end; r++, to += rowBytes)
            {
                RowCopy.Copy(block + indices.At(k, axis) * rowBytes, to, rowBytes);
                if (++k < count) continue;
                k = 0;
                block += axis * rowBytes;
            }
        }
    }
}
