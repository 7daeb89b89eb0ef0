using System.Buffers.Binary;
using System.Text;
using Engine.Formats.Gguf;

namespace Engine.Tests.Formats.Gguf;

/// <summary>Writes GGUF files for tests, wrong ones included: whatever is asked for is written.</summary>
internal sealed class GgufBytes(uint version = 3, int alignment = 32)
{
    private readonly List<byte> _keys = [], _infos = [], _data = [];
    private int _keyCount, _tensorCount;

    public GgufBytes Key(string key, uint type, params byte[] value)
    {
        _keyCount++;
        Text(_keys, key);
        U32(_keys, type);
        _keys.AddRange(value);
        return this;
    }

    public GgufBytes Tensor(string name, GgufType type, byte[] content, params long[] dims) => Tensor(name, (uint)type, content, dims, null);

    public GgufBytes Tensor(string name, uint type, byte[] content, long[] dims, ulong? offset)
    {
        _tensorCount++;
        while (_data.Count % alignment != 0) _data.Add(0);
        Text(_infos, name);
        U32(_infos, (uint)dims.Length);
        foreach (long d in dims.Reverse()) U64(_infos, (ulong)d);
        U32(_infos, type);
        U64(_infos, offset ?? (ulong)_data.Count);
        _data.AddRange(content);
        return this;
    }

    public byte[] Build()
    {
        var file = new List<byte>("GGUF"u8.ToArray());
        U32(file, version);
        U64(file, (ulong)_tensorCount);
        U64(file, (ulong)_keyCount);
        file.AddRange(_keys);
        file.AddRange(_infos);
        while (file.Count % alignment != 0) file.Add(0);
        file.AddRange(_data);
        return [.. file];
    }

    public static byte[] Number(long value, int bytes)
    {
        byte[] all = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(all, value);
        return all[..bytes];
    }

    public static byte[] Text(string s)
    {
        var to = new List<byte>();
        Text(to, s);
        return [.. to];
    }

    /// <summary>An array: element type, length, elements.</summary>
    public static byte[] Array(uint type, long length, params byte[] elements) => [.. Number(type, 4), .. Number(length, 8), .. elements];

    private static void Text(List<byte> to, string s)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(s);
        U64(to, (ulong)bytes.Length);
        to.AddRange(bytes);
    }

    private static void U32(List<byte> to, uint v) => to.AddRange(Number(v, 4));

    private static void U64(List<byte> to, ulong v) => to.AddRange(Number((long)v, 8));
}
