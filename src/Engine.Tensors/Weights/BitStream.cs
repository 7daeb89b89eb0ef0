using System.Numerics;

namespace Engine.Tensors;

/// <summary>Codes of 1 to 16 bits packed without gaps: code i takes bits [i·bits, (i+1)·bits) of the stream, the lowest bits of a byte first.</summary>
public static class BitStream
{
    /// <summary>Bytes that <paramref name="count"/> codes take.</summary>
    public static long Bytes(long count, int bits) => Checked.CeilDiv(Checked.Mul(count, bits), 8);

    /// <summary>Code <paramref name="i"/>.</summary>
    public static int Get(ReadOnlySpan<byte> stream, long i, int bits)
    {
        long bit = i * bits;
        int at = (int)(bit >> 3), shift = (int)(bit & 7), value = 0;
        for (int have = 0; have < shift + bits; have += 8, at++) value |= stream[at] << have;
        return value >> shift & (1 << bits) - 1;
    }

    /// <summary>Code <paramref name="i"/> as a two's-complement number of that many bits.</summary>
    public static int GetSigned(ReadOnlySpan<byte> stream, long i, int bits) => Get(stream, i, bits) << (32 - bits) >> (32 - bits);

    /// <summary>Stores the low bits of <paramref name="value"/> as code <paramref name="i"/>.</summary>
    public static void Set(Span<byte> stream, long i, int bits, int value)
    {
        long bit = i * bits;
        for (int b = 0; b < bits; b++, bit++)
        {
            ref byte cell = ref stream[(int)(bit >> 3)];
            int mask = 1 << (int)(bit & 7);
            cell = (byte)((value >> b & 1) != 0 ? cell | mask : cell & ~mask);
        }
    }

    /// <summary>Codes <paramref name="start"/> and following, of at most 8 bits, as bytes.</summary>
    public static void Unpack(ReadOnlySpan<byte> stream, long start, Span<byte> codes, int bits)
    {
        if (bits == 8)
        {
            stream.Slice((int)start, codes.Length).CopyTo(codes);
            return;
        }
        int first = bits == 4 && (start & 1) == 0 ? UnpackNibbles(stream[(int)(start >> 1)..], codes) : 0, mask = (1 << bits) - 1;
        long bit = (start + first) * bits;
        for (int i = first; i < codes.Length; i++, bit += bits)
        {
            int at = (int)(bit >> 3), shift = (int)(bit & 7), value = stream[at];
            if (shift + bits > 8) value |= stream[at + 1] << 8;
            codes[i] = (byte)(value >> shift & mask);
        }
    }

    // As many codes as fill vectors; their number.
    private static int UnpackNibbles(ReadOnlySpan<byte> stream, Span<byte> codes)
    {
        int i = 0, n = Vector<byte>.Count;
        Vector<ushort> lower = new(15), upper = new(0xf0);
        for (; i <= codes.Length - 2 * n; i += 2 * n)
        {
            // A byte becomes two: its low half, and its high half one byte on.
            Vector.Widen(new Vector<byte>(stream[(i / 2)..]), out var a, out var b);
            Vector.AsVectorByte((a & lower) | Vector.ShiftLeft(a & upper, 4)).CopyTo(codes[i..]);
            Vector.AsVectorByte((b & lower) | Vector.ShiftLeft(b & upper, 4)).CopyTo(codes[(i + n)..]);
        }
        return i;
    }

    /// <summary>Packs whole bytes' worth of codes of at most 8 bits, eight at a time: the count is a multiple of 8.</summary>
    public static void Pack(ReadOnlySpan<byte> codes, Span<byte> stream, int bits)
    {
        ulong mask = (1UL << bits) - 1;
        for (int i = 0, at = 0; i < codes.Length; i += 8, at += bits)
        {
            ulong packed = 0;
            for (int j = 0; j < 8; j++) packed |= (codes[i + j] & mask) << j * bits;
            for (int b = 0; b < bits; b++) stream[at + b] = (byte)(packed >> 8 * b);
        }
    }
}
