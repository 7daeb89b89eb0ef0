using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>Rows of bytes from one pitch to another: what Concat and Split are made of.</summary>
public static unsafe class RowCopy
{
    private const int Chunk = 64 * 1024;

    /// <summary>Copies <paramref name="rows"/> rows of <paramref name="bytes"/> bytes; a pitch is the distance of two rows in bytes.</summary>
    public static void Run(Workers workers, byte* from, long fromPitch, byte* to, long toPitch, long bytes, int rows)
    {
        if (bytes <= 0 || rows <= 0) return;
        if (fromPitch == bytes && toPitch == bytes) (bytes, rows) = (bytes * rows, 1);
        if (rows > 1 && bytes < 4L * Chunk) workers.For(rows, (int)Math.Max(1, Chunk / bytes), new Rows(from, fromPitch, to, toPitch, bytes));
        else
            for (int r = 0; r < rows; r++) workers.For((int)((bytes + Chunk - 1) / Chunk), 4, new Chunks(from + r * fromPitch, to + r * toPitch, bytes));
    }

    /// <summary>Copies one element or row; short ones of a power of two without a call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Copy(byte* from, byte* to, long bytes)
    {
        switch (bytes)
        {
            case 1: *to = *from; break;
            case 2: *(ushort*)to = *(ushort*)from; break;
            case 4: *(uint*)to = *(uint*)from; break;
            case 8: *(ulong*)to = *(ulong*)from; break;
            default: Buffer.MemoryCopy(from, to, bytes, bytes); break;
        }
    }

    private readonly struct Rows(byte* from, long fromPitch, byte* to, long toPitch, long bytes) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int r = start; r < end; r++) Copy(from + r * fromPitch, to + r * toPitch, bytes);
        }
    }

    private readonly struct Chunks(byte* from, byte* to, long bytes) : IParallelBody
    {
        public void Run(int start, int end)
        {
            long at = (long)start * Chunk, n = Math.Min(bytes, (long)end * Chunk) - at;
            Buffer.MemoryCopy(from + at, to + at, n, n);
        }
    }
}
