using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Signs as bit planes: a plane a channel over all pixels of a batch, bit 1 is −1.
/// <para>Layout: pixel p = (n · H + h) · W + w is bit p mod 64 of word p / 64 of its channel. Pixels are worked on in blocks of 512, 64 bytes a plane; a channel is
/// so many blocks, and one more where that is even, so that channels do not fall on the same lines of a cache. Bits past the last pixel are undefined.</para>
/// </summary>
public static class BitPlanes
{
    /// <summary>Pixels of a block.</summary>
    public const int BlockPixels = 512;

    /// <summary>Bytes of a block of one plane.</summary>
    public const int PlaneBytes = BlockPixels / 8;

    /// <summary>Blocks of so many pixels.</summary>
    public static int Blocks(long pixels) => Checked.Int(Checked.CeilDiv(pixels, BlockPixels));

    /// <summary>Bytes from one channel to the next.</summary>
    public static long ChannelBytes(long pixels) => (long)(Blocks(pixels) | 1) * PlaneBytes;

    /// <summary>Bytes of all channels.</summary>
    public static long Bytes(long pixels, long channels) => Checked.Mul(channels, ChannelBytes(pixels));
}
