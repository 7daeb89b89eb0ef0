using Engine.Formats.Gguf;

namespace Engine.Tests.Formats.Gguf;

/// <summary>Seeded blocks of every type: all bytes random but the f16 numbers, which are finite, and E8M0 scales, which are numbers.</summary>
internal static class GgufSamples
{
    public static GgufType[] Blocks { get; } =
    [
        GgufType.Q4_0, GgufType.Q4_1, GgufType.Q5_0, GgufType.Q5_1, GgufType.Q8_0, GgufType.IQ4_NL, GgufType.MXFP4, GgufType.Q2_K, GgufType.Q3_K, GgufType.Q4_K, GgufType.Q5_K, GgufType.Q6_K,
        GgufType.IQ4_XS, GgufType.TQ1_0, GgufType.TQ2_0,
    ];

    public static byte[] Random(GgufType type, int blocks)
    {
        int size = type.BlockBytes();
        var random = new Random((int)type);
        byte[] data = new byte[blocks * size];
        random.NextBytes(data);
        int[] halves = type switch
        {
            GgufType.Q4_1 or GgufType.Q5_1 or GgufType.Q4_K or GgufType.Q5_K => [0, 2],
            GgufType.Q2_K => [80, 82],
            GgufType.Q3_K or GgufType.Q6_K or GgufType.TQ1_0 or GgufType.TQ2_0 => [size - 2],
            GgufType.MXFP4 => [],
            _ => [0],
        };
        for (int b = 0; b < blocks; b++)
        {
            foreach (int at in halves)
            {
                // A biased exponent of 31 would be an infinity or NaN.
                ref byte high = ref data[b * size + at + 1];
                if ((high & 0x7C) == 0x7C) high ^= 0x40;
            }
            if (type == GgufType.MXFP4 && data[b * size] == 255) data[b * size] = 127;
        }
        return data;
    }
}
