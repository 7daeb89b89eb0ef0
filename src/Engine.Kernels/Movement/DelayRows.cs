using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// One hop of a delayed stream, rows of frames side by side: with S = extra + overlap frames of state before P new ones, the first P + overlap go to the output and the last S are the next state, which
/// may lie over the state.
/// </summary>
/// <param name="frames">New frames a row.</param>
/// <param name="extra">Frames that the stream comes later.</param>
/// <param name="overlap">Old frames before the new ones.</param>
/// <param name="frameBytes">Bytes of a frame in a row.</param>
public readonly unsafe struct DelayRows(long frames, long extra, long overlap, long frameBytes)
{
    private const int Vector = 32, RowsAtOnce = 64;

    private readonly long _x = frames * frameBytes, _state = (extra + overlap) * frameBytes, _y = (frames + overlap) * frameBytes;

    /// <summary>Moves <paramref name="rows"/> rows.</summary>
    public void Run(Workers workers, int rows, byte* x, byte* state, byte* y, byte* next) => workers.For(rows, RowsAtOnce, new Body(this, x, state, y, next));

    /// <summary>Puts <paramref name="pad"/>, an element, in the frames of a row's output that lie outside [from, to).</summary>
    public void Fill(byte* row, long from, long to, ReadOnlySpan<byte> pad)
    {
        Fill(new Span<byte>(row, checked((int)(from * frameBytes))), pad);
        Fill(new Span<byte>(row + to * frameBytes, checked((int)(_y - to * frameBytes))), pad);
    }

    /// <summary>Bytes of a row of the output.</summary>
    public long OutputBytes => _y;

    private static void Fill(Span<byte> bytes, ReadOnlySpan<byte> pad)
    {
        for (int i = 0; i < bytes.Length; i += pad.Length) pad.CopyTo(bytes[i..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Row(byte* x, byte* state, byte* y, byte* next)
    {
        long old = Math.Min(_state, _y);
        Copy(state, y, old);
        Copy(x, y + old, _y - old);
        if (_x >= _state) Copy(x + _x - _state, next, _state);
        else
        {
            // Forwards in place: what is read lies behind what is written.
            Buffer.MemoryCopy(state + _x, next, _state - _x, _state - _x);
            Copy(x, next + _state - _x, _x);
        }
    }

    // Rows of a few frames are common; a call a row would take longer than the copy.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(byte* from, byte* to, long bytes)
    {
        if (bytes > 16 * Vector)
        {
            Buffer.MemoryCopy(from, to, bytes, bytes);
            return;
        }
        long i = 0;
        for (; i <= bytes - Vector; i += Vector) Unsafe.WriteUnaligned(to + i, Unsafe.ReadUnaligned<Block32>(from + i));
        for (; i <= bytes - sizeof(ulong); i += sizeof(ulong)) Unsafe.WriteUnaligned(to + i, Unsafe.ReadUnaligned<ulong>(from + i));
        for (; i < bytes; i++) to[i] = from[i];
    }

    [InlineArray(Vector)]
    private struct Block32
    {
        private byte _first;
    }

    private readonly struct Body(DelayRows rows, byte* x, byte* state, byte* y, byte* next) : IParallelBody
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            var r = rows;
            for (long i = start; i < end; i++) r.Row(x + i * r._x, state + i * r._state, y + i * r._y, next + i * r._state);
        }
    }
}
