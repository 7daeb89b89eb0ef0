using System.Buffers.Binary;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>
/// Walks a model's bytes before protobuf parses them: checks every length, bounds nesting, counts what the parsed messages will
/// take in memory, and writes a reduced copy in which each tensor is only a name and a place. What is not read is left out.
/// </summary>
internal sealed class WireScan
{
    /// <summary>Deepest nesting of messages.</summary>
    public const int MaxDepth = 64;

    // Fields of the reduced TensorProto.
    private const int NameField = 8, OffsetField = 1001, LengthField = 1002;

    // A string object without its characters and its place in a list; a number in a list that doubles as it grows.
    private const int TextCost = 40, NumberCost = 16;

    private readonly LoadBudget _budget;
    private readonly string? _file;
    private byte[] _out = new byte[256];
    private int _length;

    private WireScan(LoadBudget budget, string? file) => (_budget, _file) = (budget, file);

    /// <summary>The reduced model; throws where the bytes are no well-formed model or would take too much memory.</summary>
    public static ReadOnlySpan<byte> Reduce(ReadOnlySpan<byte> model, LoadBudget budget, string? file)
    {
        var s = new WireScan(budget, file);
        s.Message(model, 0, WireMessage.Model, 1);
        return s._out.AsSpan(0, s._length);
    }

    private void Message(ReadOnlySpan<byte> bytes, long offset, WireMessage kind, int depth)
    {
        if (depth > MaxDepth) throw new InvalidModelException($"messages are nested deeper than {MaxDepth}", _file, offset);
        _budget.Take(WireSchema.Cost(kind), "the model's structure");
        for (var r = new WireReader(bytes, offset, _file); r.Next();)
        {
            var (form, child) = WireSchema.Of(kind, r.Field);
            switch (form)
            {
                case WireForm.Number:
                    Expect(ref r, kind, WireType.Varint);
                    Copy(ref r);
                    break;
                case WireForm.Single:
                    Expect(ref r, kind, WireType.Fixed32);
                    Copy(ref r);
                    break;
                case WireForm.Numbers or WireForm.Singles:
                    var single = form == WireForm.Numbers ? WireType.Varint : WireType.Fixed32;
                    if (r.Type != WireType.Bytes) Expect(ref r, kind, single);
                    _budget.Take(NumberCost * (r.Type == WireType.Bytes ? (long)r.Length : 1), "a list of numbers");
                    Copy(ref r);
                    break;
                case WireForm.Text:
                    Expect(ref r, kind, WireType.Bytes);
                    _budget.Take(TextCost + 2L * r.Length, "a name or text");
                    Copy(ref r);
                    break;
                case WireForm.Tensor:
                    Expect(ref r, kind, WireType.Bytes);
                    Tensor(ref r);
                    break;
                case WireForm.Message:
                    Expect(ref r, kind, WireType.Bytes);
                    int start = Open(r.Field);
                    Message(r.Content, r.ContentOffset, child, depth + 1);
                    Close(start);
                    break;
            }
        }
    }

    private void Tensor(ref WireReader tensor)
    {
        _budget.Take(WireSchema.TensorCost, "the model's structure");
        int start = Open(tensor.Field);
        for (var r = new WireReader(tensor.Content, tensor.ContentOffset, _file); r.Next();)
        {
            if (r.Field != NameField) continue;
            if (r.Type != WireType.Bytes) throw r.Fault($"a tensor's name has wire type {(int)r.Type}");
            _budget.Take(TextCost + 2L * r.Length, "a name or text");
            Copy(ref r);
        }
        Put((uint)OffsetField << 3);
        Put((ulong)tensor.ContentOffset);
        Put((uint)LengthField << 3);
        Put((ulong)tensor.Length);
        Close(start);
    }

    private void Copy(ref WireReader r)
    {
        Put((uint)r.Field << 3 | (uint)r.Type);
        switch (r.Type)
        {
            case WireType.Varint:
                Put(r.Value);
                break;
            case WireType.Fixed32:
                BinaryPrimitives.WriteUInt32LittleEndian(Room(4), (uint)r.Value);
                break;
            case WireType.Bytes:
                Put((ulong)r.Length);
                r.Content.CopyTo(Room(r.Length));
                break;
        }
    }

    // The length of a message is known only after its content: five bytes are kept for it, which hold any length.
    private int Open(int field)
    {
        Put((uint)field << 3 | (uint)WireType.Bytes);
        Room(5);
        return _length;
    }

    private void Close(int start)
    {
        uint n = (uint)(_length - start);
        for (int i = 5; i >= 1; i--, n >>= 7) _out[start - i] = (byte)(n & 127 | (i > 1 ? 128u : 0));
    }

    private void Put(ulong value)
    {
        for (; value >= 128; value >>= 7) Room(1)[0] = (byte)(value & 127 | 128);
        Room(1)[0] = (byte)value;
    }

    private Span<byte> Room(int count)
    {
        if (_out.Length - _length < count)
        {
            int size = Checked.Int(Math.Max(2L * _out.Length, (long)_length + count));
            _budget.Take(size - _out.Length, "the model's structure");
            Array.Resize(ref _out, size);
        }
        _length += count;
        return _out.AsSpan(_length - count, count);
    }

    private static void Expect(ref WireReader r, WireMessage kind, WireType type)
    {
        if (r.Type != type) throw r.Fault($"field {r.Field} of a {kind} has wire type {(int)r.Type}, expected {(int)type}");
    }
}
