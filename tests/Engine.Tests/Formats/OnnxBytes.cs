using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Engine.Tensors;

namespace Engine.Tests.Formats;

/// <summary>Writes protobuf messages by hand, well-formed or not: one message being built.</summary>
internal sealed class OnnxBytes
{
    private readonly List<byte> _bytes = [];

    public byte[] ToArray() => [.. _bytes];

    public OnnxBytes Int(int field, long value)
    {
        Varint((ulong)field << 3);
        return Varint((ulong)value);
    }

    public OnnxBytes Float(int field, float value)
    {
        Varint((ulong)field << 3 | 5);
        Span<byte> b = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(b, value);
        return Raw(b);
    }

    public OnnxBytes Bytes(int field, ReadOnlySpan<byte> value)
    {
        Varint((ulong)field << 3 | 2);
        Varint((ulong)value.Length);
        return Raw(value);
    }

    public OnnxBytes Text(int field, params ReadOnlySpan<string> values)
    {
        foreach (string v in values) Bytes(field, Encoding.UTF8.GetBytes(v));
        return this;
    }

    public OnnxBytes Message(int field, params ReadOnlySpan<OnnxBytes> messages)
    {
        foreach (var m in messages) Bytes(field, CollectionsMarshal.AsSpan(m._bytes));
        return this;
    }

    public OnnxBytes Packed(int field, params ReadOnlySpan<long> values)
    {
        var m = new OnnxBytes();
        foreach (long v in values) m.Varint((ulong)v);
        return Message(field, m);
    }

    public OnnxBytes Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public OnnxBytes Varint(ulong value)
    {
        for (; value >= 128; value >>= 7) _bytes.Add((byte)(value & 127 | 128));
        _bytes.Add((byte)value);
        return this;
    }

    // ---- the messages of the format ----

    public static OnnxBytes Model(OnnxBytes graph, int opset = 13, long ir = 8, params ReadOnlySpan<OnnxBytes> functions) =>
        new OnnxBytes().Int(1, ir).Text(2, "tests").Message(7, graph).Message(8, Opset("", opset), Opset("t", 1)).Message(25, functions);

    public static OnnxBytes Opset(string domain, long version) => new OnnxBytes().Text(1, domain).Int(2, version);

    public static OnnxBytes GraphOf(ReadOnlySpan<OnnxBytes> nodes, ReadOnlySpan<OnnxBytes> inputs, ReadOnlySpan<OnnxBytes> outputs, params ReadOnlySpan<OnnxBytes> initializers) =>
        new OnnxBytes().Message(1, nodes).Text(2, "g").Message(5, initializers).Message(11, inputs).Message(12, outputs);

    public static OnnxBytes Node(string op, string[] inputs, string[] outputs, params ReadOnlySpan<OnnxBytes> attributes) => In("t", op, inputs, outputs, attributes);

    public static OnnxBytes In(string domain, string op, string[] inputs, string[] outputs, params ReadOnlySpan<OnnxBytes> attributes) =>
        new OnnxBytes().Text(1, inputs).Text(2, outputs).Text(3, op + "_" + string.Join('_', outputs)).Text(4, op).Message(5, attributes).Text(7, domain);

    public static OnnxBytes Value(string name, DType dtype = DType.F32, params long[] dims)
    {
        var shape = new OnnxBytes();
        foreach (long d in dims) shape.Message(1, d < 0 ? new OnnxBytes().Text(2, "N") : new OnnxBytes().Int(1, d));
        return new OnnxBytes().Text(1, name).Message(2, new OnnxBytes().Message(1, new OnnxBytes().Int(1, (int)dtype).Message(2, shape)));
    }

    public static OnnxBytes TensorOf(string name, DType dtype, long[] dims, ReadOnlySpan<byte> raw) => Header(name, dtype, dims).Bytes(9, raw);

    public static OnnxBytes Header(string name, DType dtype, params long[] dims) => new OnnxBytes().Packed(1, dims).Int(2, (int)dtype).Text(8, name);

    public static OnnxBytes Attribute(string name, int type) => new OnnxBytes().Text(1, name).Int(20, type);
}
