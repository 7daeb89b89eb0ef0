using System.Buffers.Binary;

namespace Engine.Formats.Gguf;

/// <summary>How each type packs its codes: from a block's bytes to codes in the order of the elements.</summary>
internal static partial class GgufBlocks
{
    // Byte j holds elements j and j + 16.
    private static void Nibbles(ReadOnlySpan<byte> from, Span<byte> q)
    {
        for (int j = 0; j < 16; j++) (q[j], q[j + 16]) = ((byte)(from[j] & 15), (byte)(from[j] >> 4));
    }

    // Four bytes of fifth bits, bit i of element i, then nibbles.
    private static void FiveBits(ReadOnlySpan<byte> from, Span<byte> q)
    {
        uint high = BinaryPrimitives.ReadUInt32LittleEndian(from);
        Nibbles(from[4..], q);
        for (int j = 0; j < 32; j++) q[j] |= (byte)((high >> j & 1) << 4);
    }

    private static void Bytes(ReadOnlySpan<byte> from, Span<byte> q) => from[..32].CopyTo(q);

    // Two bits each: byte j of 32 holds elements j, j + 32, j + 64, j + 96.
    private static void Trits(ReadOnlySpan<byte> from, Span<byte> q)
    {
        for (int i = 0; i < 256; i++) q[i] = (byte)(from[i / 128 * 32 + i % 32] >> i / 32 % 4 * 2 & 3);
    }

    // Five trits a byte as a fraction of 256 in base 3, most significant first: 32 bytes for 160 elements, 16 for 80, and 4 with four trits each.
    private static void FiveTrits(ReadOnlySpan<byte> from, Span<byte> q)
    {
        for (int i = 0; i < 160; i++) q[i] = Trit(from[i % 32], i / 32);
        for (int i = 0; i < 80; i++) q[160 + i] = Trit(from[32 + i % 16], i / 16);
        for (int i = 0; i < 16; i++) q[240 + i] = Trit(from[48 + i % 4], i / 4);
    }

    private static byte Trit(int packed, int place)
    {
        for (int i = 0; i < place; i++) packed = packed * 3 & 255;
        return (byte)(packed * 3 >> 8);
    }

    // scales[16] (low nibble scale, high nibble minimum), qs[64]
    private static void TwoBitsK(ReadOnlySpan<byte> from, Span<byte> q, Span<byte> scales, Span<byte> minima)
    {
        for (int g = 0; g < 16; g++) (scales[g], minima[g]) = ((byte)(from[g] & 15), (byte)(from[g] >> 4));
        Trits(from[16..], q);
    }

    // hmask[32], qs[64], scales[12]
    private static void ThreeBitsK(ReadOnlySpan<byte> from, Span<byte> q, Span<byte> scales, Span<byte> minima)
    {
        Trits(from[32..], q);
        for (int i = 0; i < 256; i++) q[i] |= (byte)((from[i % 32] >> i / 32 & 1) << 2);
        var packed = from.Slice(96, 12);
        for (int g = 0; g < 16; g++) scales[g] = (byte)((g < 8 ? packed[g] & 15 : packed[g - 8] >> 4) | (packed[8 + g % 4] >> g / 4 * 2 & 3) << 4);
    }

    // d, dmin, scales[12], qs[128]
    private static void FourBitsK(ReadOnlySpan<byte> from, Span<byte> q, Span<byte> scales, Span<byte> minima)
    {
        ScalesK(from.Slice(4, 12), scales, minima);
        NibblesK(from[16..], q);
    }

    // d, dmin, scales[12], qh[32], qs[128]
    private static void FiveBitsK(ReadOnlySpan<byte> from, Span<byte> q, Span<byte> scales, Span<byte> minima)
    {
        ScalesK(from.Slice(4, 12), scales, minima);
        NibblesK(from[48..], q);
        for (int i = 0; i < 256; i++) q[i] |= (byte)((from[16 + i % 32] >> i / 32 & 1) << 4);
    }

    // ql[128], qh[64], scales[16]
    private static void SixBitsK(ReadOnlySpan<byte> from, Span<byte> q, Span<byte> scales, Span<byte> minima)
    {
        for (int i = 0; i < 256; i++)
        {
            int half = i / 128, part = i % 128 / 32, l = i % 32;
            int low = from[half * 64 + part % 2 * 32 + l] >> part / 2 * 4 & 15, high = from[128 + half * 32 + l] >> part * 2 & 3;
            q[i] = (byte)(low | high << 4);
        }
        from.Slice(192, 16).CopyTo(scales);
    }

    // d, scales_h u16, scales_l[4], qs[128]
    private static void UnevenFourBitsK(ReadOnlySpan<byte> from, Span<byte> q, Span<byte> scales, Span<byte> minima)
    {
        int high = BinaryPrimitives.ReadUInt16LittleEndian(from[2..]);
        for (int g = 0; g < 8; g++)
        {
            scales[g] = (byte)((from[4 + g / 2] >> g % 2 * 4 & 15) | (high >> 2 * g & 3) << 4);
            Nibbles(from[(8 + 16 * g)..], q.Slice(32 * g, 32));
        }
    }

    // Eight pairs of 6-bit numbers in 12 bytes: the first four plain, the others in nibbles with their two high bits above the first four.
    private static void ScalesK(ReadOnlySpan<byte> packed, Span<byte> scales, Span<byte> minima)
    {
        for (int g = 0; g < 4; g++) (scales[g], minima[g]) = ((byte)(packed[g] & 63), (byte)(packed[g + 4] & 63));
        for (int g = 4; g < 8; g++)
        {
            scales[g] = (byte)(packed[g + 4] & 15 | packed[g - 4] >> 6 << 4);
            minima[g] = (byte)(packed[g + 4] >> 4 | packed[g] >> 6 << 4);
        }
    }

    // Byte j of 32 holds element j in its low nibble and element j + 32 in its high one, 64 elements after 64.
    private static void NibblesK(ReadOnlySpan<byte> from, Span<byte> q)
    {
        for (int i = 0; i < 256; i++) q[i] = (byte)(from[i / 64 * 32 + i % 32] >> i / 32 % 2 * 4 & 15);
    }
}
