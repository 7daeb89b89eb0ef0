using System.Buffers.Binary;
using System.Text;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>
/// Builds one protobuf message field by field. The bytes of tensors are not copied: they are written from where they lie, so that a
/// model takes no second copy of its weights.
/// </summary>
internal sealed class WireWriter
{
    // Either bytes or a tensor whose bytes follow.
    private readonly List<object> _parts = [];
    private readonly List<byte> _tail = [];
    private long _closed;

    /// <summary>Bytes of the message.</summary>
    public long Length => _closed + _tail.Count;

    public void Int(int field, long value)
    {
        Tag(field, WireType.Varint);
        Varint((ulong)value);
    }

    public void Float(int field, float value)
    {
        Tag(field, WireType.Fixed32);
        Span<byte> b = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(b, value);
        _tail.AddRange(b);
    }

    public void Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Head(field, value.Length);
        _tail.AddRange(value);
    }

    public void Message(int field, WireWriter content)
    {
        Head(field, content.Length);
        foreach (var p in content._parts) Part(p);
        _tail.AddRange(content._tail);
    }

    /// <summary>The content of a tensor, as bytes.</summary>
    public void Raw(int field, Tensor tensor)
    {
        Head(field, tensor.ByteLength);
        Part(tensor);
    }

    public void CopyTo(Stream to)
    {
        foreach (var p in _parts)
        {
            to.Write(p is Tensor t ? t.Bytes : (byte[])p);
            GC.KeepAlive(p);
        }
        to.Write([.. _tail]);
    }

    private void Part(object part)
    {
        if (_tail.Count > 0)
        {
            _parts.Add(_tail.ToArray());
            _closed += _tail.Count;
            _tail.Clear();
        }
        _parts.Add(part);
        _closed += part is Tensor t ? t.ByteLength : ((byte[])part).Length;
    }

    private void Head(int field, long length)
    {
        Tag(field, WireType.Bytes);
        Varint((ulong)length);
    }

    private void Tag(int field, WireType type) => Varint((ulong)field << 3 | (uint)type);

    private void Varint(ulong value)
    {
        for (; value >= 128; value >>= 7) _tail.Add((byte)(value | 128));
        _tail.Add((byte)value);
    }
}
