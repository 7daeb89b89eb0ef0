using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>Reads the bytes of one file front to back; every read is checked, every error names file and offset.</summary>
internal ref struct DataCursor(ReadOnlySpan<byte> bytes, string? file)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly int Left => _bytes.Length - Position;

    /// <summary>The next byte, which must be there.</summary>
    public readonly byte Peek => _bytes[Position];

    public readonly DataFormatException Fail(string message) => new(message, file, Position);

    /// <summary>The next <paramref name="count"/> bytes.</summary>
    public ReadOnlySpan<byte> Take(long count, string what)
    {
        if (count < 0 || count > Left) throw Fail($"the file ends inside {what}: {count} bytes needed, {Left} left");
        var s = _bytes.Slice(Position, (int)count);
        Position += (int)count;
        return s;
    }

    public byte U8(string what) => Take(1, what)[0];

    public ushort U16Little(string what) => BinaryPrimitives.ReadUInt16LittleEndian(Take(2, what));

    public uint U32Little(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, what));

    public uint U32Big(string what) => BinaryPrimitives.ReadUInt32BigEndian(Take(4, what));

    public readonly bool StartsWith(ReadOnlySpan<byte> prefix) => _bytes[Position..].StartsWith(prefix);
}
