namespace Engine.Formats.Data;

/// <summary>CRC-32 of ISO 3309 (polynomial 0xEDB88320 reflected), as PNG uses it.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = Make();

    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint c = uint.MaxValue;
        foreach (byte b in bytes) c = Table[(byte)(c ^ b)] ^ c >> 8;
        return ~c;
    }

    private static uint[] Make()
    {
        var t = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint c = i;
            for (int k = 0; k < 8; k++) c = (c & 1) != 0 ? 0xEDB88320 ^ c >> 1 : c >> 1;
            t[i] = c;
        }
        return t;
    }
}
