namespace Engine.Kernels;

/// <summary>
/// Rows that a tile reads side by side, copied a cache line further apart where they begin in the same set of the first-level cache: whole multiples of
/// 4096 bytes, as long rows of powers of two are. Its 8 or 12 ways then hold fewer lines than a tile has rows.
/// </summary>
internal static unsafe class RowSpread
{
    private const int Ways = 8, SetStride = 4096, Line = 64;

    // Every slab of rows reads all of the other operand again.
    private const long SlabBytes = 4 << 20;

    /// <summary>True when rows of these many bytes from one to the next fall into one set, and are more than it has ways.</summary>
    public static bool Pays(nint stride, int rows) => rows > Ways && stride != 0 && stride % SetStride == 0;

    /// <summary>Bytes from a row to the next that spread rows of a length over the sets.</summary>
    public static nint Stride(nint bytes) => (bytes + Line - 1) / Line * Line + Line;

    /// <summary>Rows to copy at a time: whole blocks.</summary>
    public static int SlabRows(nint stride, int block) => (int)Math.Max(1, SlabBytes / stride / block) * block;

    /// <summary>Copies rows of <paramref name="bytes"/> bytes to the calling thread's outer scratch, <see cref="Stride"/> bytes apart.</summary>
    public static byte* Copy(Workers workers, byte* from, nint stride, int rows, nint bytes)
    {
        byte* to = Scratch.Outer(rows * Stride(bytes));
        workers.For(rows, (int)Math.Clamp((1 << 18) / Math.Max(1, bytes), 1, 1 << 18), new Body(from, stride, to, Stride(bytes), bytes));
        return to;
    }

    private readonly struct Body(byte* from, nint stride, byte* to, nint toStride, nint bytes) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int i = start; i < end; i++) Buffer.MemoryCopy(from + i * stride, to + i * toStride, bytes, bytes);
        }
    }
}
