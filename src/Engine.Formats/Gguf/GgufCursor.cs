using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Engine.Tensors;

namespace Engine.Formats.Gguf;

/// <summary>Reads the header of a GGUF file front to back: every length is compared with the bytes that remain before anything is allocated.</summary>
internal sealed class GgufCursor(SourceBytes source)
{
    // Arrays of arrays: none are known; a few levels cost nothing.
    private const int MaxDepth = 4;

    public long Position { get; private set; }

    private long Left => source.Length - Position;

    public InvalidModelException Fail(string message, long? at = null) => new(message, source.Name, at ?? Position);

    public uint U32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, what));

    /// <summary>A count whose items take at least <paramref name="least"/> bytes each in what remains.</summary>
    public long Count(string what, int least, long limit = int.MaxValue)
    {
        long at = Position;
        ulong n = BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what));
        if (n > (ulong)Math.Min(Left / least, limit)) throw Fail($"{what} is {n}; {Left} bytes remain, and at most {limit} are read", at);
        return (long)n;
    }

    public ulong U64(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what));

    public string String(string what, int limit) => Encoding.UTF8.GetString(Take((int)Count(what, 1, limit), what));

    /// <summary>A value of a metadata type; arrays are typed arrays or lists of strings.</summary>
    public object Value(uint type, string key, int depth = 0) => type switch
    {
        0 => Take(1, key)[0],
        1 => (sbyte)Take(1, key)[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(Take(2, key)),
        3 => BinaryPrimitives.ReadInt16LittleEndian(Take(2, key)),
        4 => U32(key),
        5 => (int)U32(key),
        6 => BinaryPrimitives.ReadSingleLittleEndian(Take(4, key)),
        7 => Bool(key),
        8 => String(key, int.MaxValue),
        9 => Array(key, depth),
        10 => U64(key),
        11 => (long)U64(key),
        12 => BinaryPrimitives.ReadDoubleLittleEndian(Take(8, key)),
        _ => throw Fail($"value of '{key}' has type {type}, expected 0 to 12", Position - 4),
    };

    private bool Bool(string key) => Take(1, key)[0] is var b && b <= 1 ? b == 1 : throw Fail($"value of '{key}' is a boolean of {b}", Position - 1);

    private object Array(string key, int depth)
    {
        uint type = U32(key);
        return type switch
        {
            0 => Numbers<byte>(key),
            1 => Numbers<sbyte>(key),
            2 => Numbers<ushort>(key),
            3 => Numbers<short>(key),
            4 => Numbers<uint>(key),
            5 => Numbers<int>(key),
            6 => Numbers<float>(key),
            7 => Bools(key),
            8 => Strings(key),
            9 => Arrays(key, depth),
            10 => Numbers<ulong>(key),
            11 => Numbers<long>(key),
            12 => Numbers<double>(key),
            _ => throw Fail($"'{key}' is an array of type {type}, expected 0 to 12", Position - 4),
        };
    }

    private unsafe T[] Numbers<T>(string key) where T : unmanaged
    {
        int n = (int)Count($"length of '{key}'", sizeof(T));
        return MemoryMarshal.Cast<byte, T>(Take(n * (long)sizeof(T), key)).ToArray();
    }

    private bool[] Bools(string key)
    {
        var values = new bool[(int)Count($"length of '{key}'", 1)];
        for (int i = 0; i < values.Length; i++) values[i] = Bool(key);
        return values;
    }

    private GgufStrings Strings(string key)
    {
        var starts = new long[(int)Count($"length of '{key}'", 8)];
        for (int i = 0; i < starts.Length; i++)
        {
            starts[i] = Position;
            Take(Count($"string {i} of '{key}'", 1), key);
        }
        return new(source, starts);
    }

    private object[] Arrays(string key, int depth)
    {
        if (depth == MaxDepth) throw Fail($"'{key}' holds arrays nested deeper than {MaxDepth}");
        // An empty array takes 12 bytes of the file and about 60 in memory.
        var items = new object[(int)Count($"length of '{key}'", 12, 1 << 16)];
        for (int i = 0; i < items.Length; i++) items[i] = Array(key, depth + 1);
        return items;
    }

    private ReadOnlySpan<byte> Take(long count, string what)
    {
        if (count > Left || count > int.MaxValue) throw Fail($"the file ends inside {what}: {count} bytes needed, {Left} left");
        var s = source.Slice(Position, (int)count);
        Position += count;
        return s;
    }
}
