using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Engine.Tests.Formats.Safetensors;

/// <summary>Writes safetensors files by hand, well-formed or not.</summary>
internal sealed class SafetensorsBytes
{
    private readonly StringBuilder _header = new();
    private readonly List<byte> _data = [];

    public SafetensorsBytes Metadata(string key, string value) => Json($"\"__metadata__\":{{\"{key}\":\"{value}\"}}");

    public SafetensorsBytes Add<T>(string name, string dtype, long[] shape, params T[] values) where T : unmanaged
    {
        int start = _data.Count;
        _data.AddRange(MemoryMarshal.AsBytes<T>(values));
        return Json($"\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{start},{_data.Count}]}}");
    }

    public SafetensorsBytes Json(string member)
    {
        _header.Append(_header.Length == 0 ? "" : ",").Append(member);
        return this;
    }

    public byte[] ToArray() => File("{" + _header + "}", [.. _data]);

    public static byte[] File(string header, params byte[] data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header), length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. data];
    }
}
