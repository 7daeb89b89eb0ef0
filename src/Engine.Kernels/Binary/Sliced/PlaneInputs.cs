using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>The inputs of a block of outputs as planes, one a channel and tap: y[c, t], zero where the tap lies in the padding.</summary>
internal static unsafe class PlaneInputs
{
    private const int Plane = BitPlanes.PlaneBytes, Size = BitTranspose.Size, Lanes = Plane / sizeof(ulong);

    /// <summary>Bytes of scratch for <see cref="Make"/>.</summary>
    public static long WorkBytes(SlicedWindow window) => window.FromPlanes ? Checked.Mul(window.Shape.Channels, Window(window).Bytes) : Size * Plane;

    /// <summary>Makes the planes of a block; the alignment of <paramref name="work"/> is that of planes.</summary>
    public static void Make(SlicedWindow window, byte* x, int block, byte* y, byte* work)
    {
        if (window.FromPlanes) Shift(window, x, block, y, work);
        else Gather(window, (ulong*)x, block, y, work);
    }

    // Bytes before a block's first and all bytes that its taps read.
    private static (long Before, long Bytes) Window(SlicedWindow window)
    {
        long least = 0, most = 0;
        foreach (long s in window.Shifts) (least, most) = (Math.Min(least, s), Math.Max(most, s));
        long before = Checked.CeilDiv(-least, 8 * Plane) * Plane;
        return (before, Checked.AlignUp(before + most / 8 + PlaneTaps.Reach, Plane));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Shift(SlicedWindow window, byte* x, int block, byte* y, byte* work)
    {
        var (before, bytes) = Window(window);
        long step = BitPlanes.ChannelBytes(window.Pixels), start = (long)block * Plane - before;
        int channels = window.Shape.Channels;
        byte* from = x + (long)block * Plane;
        // At either end of a channel its neighbour would be read, and at the ends of the first and last what is no tensor.
        if (start < 0 || start + bytes > step)
        {
            long first = Math.Max(0, start), end = Math.Min(step, start + bytes);
            for (int c = 0; c < channels; c++)
            {
                var to = new Span<byte>(work + c * bytes, (int)bytes);
                to.Clear();
                new ReadOnlySpan<byte>(x + c * step + first, (int)(end - first)).CopyTo(to[(int)(first - start)..]);
            }
            from = work + before;
            step = bytes;
        }
        fixed (long* shifts = window.Shifts) PlaneTaps.Table.Best(from, (nint)step, channels, shifts, window.Taps, window.TapMasks(block), y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gather(SlicedWindow window, ulong* x, int block, byte* y, byte* work)
    {
        var transpose = BitTranspose.Table.Best;
        int channels = window.Shape.Channels, across = (channels + 63) / 64, taps = window.Taps;
        ulong* square = (ulong*)work;
        for (int w = 0; w < across; w++)
            for (int t = 0; t < taps; t++)
            {
                int* at = window.TapPixels(block) + t * BitPlanes.BlockPixels;
                for (int j = 0; j < Size; j++)
                    for (int i = 0; i < Lanes; i++)
                    {
                        int p = at[i * Size + j];
                        square[j * Lanes + i] = p < 0 ? 0 : x[(long)p * across + w];
                    }
                transpose(work);
                for (int c = 0; c < Math.Min(Size, channels - w * Size); c++)
                    new ReadOnlySpan<byte>(work + c * Plane, Plane).CopyTo(new(y + ((w * Size + c) * (long)taps + t) * Plane, Plane));
            }
    }
}
