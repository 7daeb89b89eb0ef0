using Engine.Runtime;
using Engine.Tensors;

namespace Engine;

/// <summary>Where one of several streams lies in a tensor that holds them side by side.</summary>
/// <param name="Outer">Pieces that a stream is in.</param>
/// <param name="Bytes">Bytes of a piece.</param>
/// <param name="Width">Streams.</param>
internal readonly record struct StateLanes(int Outer, int Bytes, int Width)
{
    /// <summary>For a tensor of several streams along <paramref name="axis"/>.</summary>
    public static StateLanes Of(TensorType type, Encoding encoding, int axis)
    {
        int width = type.Shape.Int(axis);
        if (axis != 0 && encoding is BlockedEncoding or ChannelsLastEncoding) throw new UnsupportedException($"a batch along axis {axis} of a state that is {encoding}");
        int outer = Checked.Int(type.Shape.Product(0, axis));
        return new(outer, Checked.Int(encoding.StorageBytes(type) / ((long)outer * width)), width);
    }

    /// <summary>Copies a stream's own tensor to its place.</summary>
    public void Put(ReadOnlySpan<byte> own, Span<byte> all, int lane)
    {
        for (int o = 0; o < Outer; o++) own.Slice(o * Bytes, Bytes).CopyTo(all[((o * Width + lane) * Bytes)..]);
    }

    /// <summary>Copies a stream's place to its own tensor.</summary>
    public void Take(ReadOnlySpan<byte> all, int lane, Span<byte> own)
    {
        for (int o = 0; o < Outer; o++) all.Slice((o * Width + lane) * Bytes, Bytes).CopyTo(own[(o * Bytes)..]);
    }
}
