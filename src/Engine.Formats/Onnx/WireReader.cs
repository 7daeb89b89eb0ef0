using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>How a protobuf field is laid out: the low three bits of its tag.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// <summary>
/// Walks the fields of one protobuf message in place. Every length is checked against the bytes that remain; faults name
/// the file and the byte offset.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> message, long offset, string? file)
{
    private readonly ReadOnlySpan<byte> _message = message;
    private int _next;

    /// <summary>Number of the field that <see cref="Next"/> found.</summary>
    public int Field { get; private set; }

    /// <summary>Its layout.</summary>
    public WireType Type { get; private set; }

    /// <summary>The value of a varint field, and the bits of a fixed one.</summary>
    public ulong Value { get; private set; }

    /// <summary>Where the content of a length-delimited field starts, from the start of the message.</summary>
    public int Start { get; private set; }

    /// <summary>Length of that content in bytes.</summary>
    public int Length { get; private set; }

    /// <summary>Offset of the current field in the file.</summary>
    public long FieldOffset { get; private set; }

    /// <summary>The content of a length-delimited field.</summary>
    public readonly ReadOnlySpan<byte> Content => _message.Slice(Start, Length);

    /// <summary>Offset of that content in the file.</summary>
    public readonly long ContentOffset => offset + Start;

    /// <summary>Moves to the next field; false at the end of the message.</summary>
    public bool Next()
    {
        if (_next == _message.Length) return false;
        FieldOffset = offset + _next;
        ulong tag = Varint();
        if (tag >> 3 is 0 or > 536_870_911) throw Fault($"field number {tag >> 3} is not valid");
        Field = (int)(tag >> 3);
        Type = (WireType)(tag & 7);
        switch (Type)
        {
            case WireType.Varint:
                Value = Varint();
                break;
            case WireType.Fixed64:
                Value = BitConverter.ToUInt64(Take(8));
                break;
            case WireType.Fixed32:
                Value = BitConverter.ToUInt32(Take(4));
                break;
            case WireType.Bytes:
                ulong length = Varint();
                if (length > (ulong)(_message.Length - _next)) throw Fault($"field {Field} claims {length} bytes where {_message.Length - _next} remain");
                Start = _next;
                Length = (int)length;
                _next += Length;
                break;
            default:
                throw Fault($"field {Field} has wire type {(int)Type}");
        }
        return true;
    }

    /// <summary>The error for the current field.</summary>
    public readonly InvalidModelException Fault(string message) => new($"is no valid ONNX data: {message}", file, FieldOffset);

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _message.Length - _next) throw Fault($"field {Field} is cut off");
        var s = _message.Slice(_next, count);
        _next += count;
        return s;
    }

    private ulong Varint()
    {
        if (!TryVarint(_message, ref _next, out ulong value)) throw Fault("a number is cut off or longer than 10 bytes");
        return value;
    }

    /// <summary>Reads one base-128 number and moves <paramref name="at"/> behind it.</summary>
    public static bool TryVarint(ReadOnlySpan<byte> bytes, ref int at, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 70 && at < bytes.Length; shift += 7)
        {
            byte b = bytes[at++];
            value |= (ulong)(b & 127) << shift;
            if (b < 128) return true;
        }
        return false;
    }
}
