using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Formats.EngineFiles;

/// <summary>
/// CRC-32C (Castagnoli; polynomial 0x82F63B78 reflected, initial value and final xor 0xFFFFFFFF): the checksum of iSCSI and ext4, which
/// processors compute. It changes with every single-bit flip and with every burst of up to 32 bits.
/// </summary>
internal static unsafe class Crc32C
{
    // Long enough that each call's overhead vanishes, short enough for a span's length.
    private const long Chunk = 1 << 30;

    /// <summary>The checksum of the bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => ~Append(uint.MaxValue, bytes);

    /// <summary>The checksum of memory of any length.</summary>
    public static uint Of(byte* bytes, long length)
    {
        uint c = uint.MaxValue;
        for (long at = 0; at < length; at += Chunk) c = Append(c, new ReadOnlySpan<byte>(bytes + at, (int)Math.Min(Chunk, length - at)));
        return ~c;
    }

    private static uint Append(uint c, ReadOnlySpan<byte> bytes)
    {
        ref byte p = ref MemoryMarshal.GetReference(bytes);
        int i = 0;
        for (; i <= bytes.Length - sizeof(ulong); i += sizeof(ulong)) c = BitOperations.Crc32C(c, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, i)));
        for (; i < bytes.Length; i++) c = BitOperations.Crc32C(c, bytes[i]);
        return c;
    }
}
