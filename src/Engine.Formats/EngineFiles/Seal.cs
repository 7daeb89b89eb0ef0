using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Formats.EngineFiles;

/// <summary>
/// The last 64 bytes of an engine file, little-endian: 8 bytes "ENGSEAL1", u64 length of the file, u32 CRC-32C of the header (its length,
/// JSON and spaces), 40 zero bytes, u32 CRC-32C of the 60 bytes before. A file cut short has no seal.
/// </summary>
internal static class Seal
{
    public const int Length = 64;

    private const int HeaderCrcAt = 16, OwnCrcAt = Length - sizeof(uint);

    private static ReadOnlySpan<byte> Magic => "ENGSEAL1"u8;

    public static byte[] Make(ReadOnlySpan<byte> header, long fileLength)
    {
        byte[] seal = new byte[Length];
        Magic.CopyTo(seal);
        BinaryPrimitives.WriteInt64LittleEndian(seal.AsSpan(Magic.Length), fileLength);
        BinaryPrimitives.WriteUInt32LittleEndian(seal.AsSpan(HeaderCrcAt), Crc32C.Of(header));
        BinaryPrimitives.WriteUInt32LittleEndian(seal.AsSpan(OwnCrcAt), Crc32C.Of(seal.AsSpan(0, OwnCrcAt)));
        return seal;
    }

    /// <summary>Throws unless the seal is the one of this header and length.</summary>
    public static void Check(ReadOnlySpan<byte> seal, ReadOnlySpan<byte> header, long fileLength)
    {
        if (!seal.SequenceEqual(Make(header, fileLength))) throw new InvalidModelException("the seal does not fit the header: the file is damaged", null, fileLength - Length);
    }
}
