using System.Text;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>What a <c>TensorProto</c> says about itself, and where its content lies.</summary>
internal sealed class TensorFields
{
    public const int FloatData = 4, Int32Data = 5, StringData = 6, Int64Data = 7, DoubleData = 10, UInt64Data = 11;

    private const int DimsField = 1, DataTypeField = 2, SegmentField = 3, NameField = 8, RawField = 9, ExternalField = 13, LocationField = 14;

    public List<long> Dims { get; } = [];
    public DType DType { get; private set; }
    public string Name { get; private set; } = "";
    public int RawStart { get; private set; } = -1;
    public int RawLength { get; private set; }
    public bool Segmented { get; private set; }
    public bool External { get; private set; }
    public Dictionary<string, string> ExternalData { get; } = [];

    /// <summary>The list field that holds values of an element type when there are no raw bytes.</summary>
    public static int ListOf(DType t) => t switch
    {
        DType.F32 or DType.C64 => FloatData,
        DType.F64 or DType.C128 => DoubleData,
        DType.I64 => Int64Data,
        DType.U32 or DType.U64 => UInt64Data,
        DType.String => StringData,
        _ => Int32Data,
    };

    /// <summary>Reads everything but the content.</summary>
    public static TensorFields Scan(ReadOnlySpan<byte> message, long offset, string? file)
    {
        var t = new TensorFields();
        int dtype = 0;
        var r = new WireReader(message, offset, file);
        while (r.Next())
        {
            switch (r.Field)
            {
                case DimsField when r.Type == WireType.Varint:
                    t.AddDim(ref r, (long)r.Value);
                    break;
                case DimsField when r.Type == WireType.Bytes:
                    var c = r.Content;
                    for (int at = 0; at < c.Length;)
                    {
                        if (!WireReader.TryVarint(c, ref at, out ulong v)) throw r.Fault("a dimension is cut off");
                        t.AddDim(ref r, (long)v);
                    }
                    break;
                case DataTypeField:
                    Expect(ref r, WireType.Varint);
                    dtype = (int)r.Value;
                    break;
                case SegmentField:
                    t.Segmented = true;
                    break;
                case NameField:
                    Expect(ref r, WireType.Bytes);
                    t.Name = Encoding.UTF8.GetString(r.Content);
                    break;
                case RawField:
                    Expect(ref r, WireType.Bytes);
                    (t.RawStart, t.RawLength) = (r.Start, r.Length);
                    break;
                case ExternalField:
                    Expect(ref r, WireType.Bytes);
                    t.AddExternal(ref r, file);
                    break;
                case LocationField:
                    Expect(ref r, WireType.Varint);
                    t.External = r.Value == 1;
                    break;
                case DimsField:
                    Expect(ref r, WireType.Varint);
                    break;
            }
        }
        if (dtype is < 0 or > byte.MaxValue || !((DType)dtype).IsDefined()) throw new InvalidModelException($"tensor '{t.Name}': element type {dtype} is not known", file, offset);
        t.DType = (DType)dtype;
        return t;
    }

    /// <summary>Number of values in a list field, over all its chunks.</summary>
    public static long CountList(ReadOnlySpan<byte> message, long offset, string? file, int field)
    {
        long count = 0;
        for (var r = new WireReader(message, offset, file); r.Next();)
        {
            if (r.Field != field) continue;
            (WireType single, int size) = field switch
            {
                FloatData => (WireType.Fixed32, 4),
                DoubleData => (WireType.Fixed64, 8),
                StringData => (WireType.Bytes, 0),
                _ => (WireType.Varint, 0),
            };
            if (r.Type == single) count++;
            else if (r.Type != WireType.Bytes) throw r.Fault($"list field {field} has wire type {(int)r.Type}");
            else if (size == 0) count += CountVarints(r.Content);
            else if (r.Length % size == 0) count += r.Length / size;
            else throw r.Fault($"list field {field} has {r.Length} bytes, which is no multiple of {size}");
        }
        return count;
    }

    // The last byte of a base-128 number is the one below 128.
    private static long CountVarints(ReadOnlySpan<byte> bytes)
    {
        long n = 0;
        foreach (byte b in bytes) n += b < 128 ? 1 : 0;
        return n;
    }

    private void AddDim(ref WireReader r, long dim)
    {
        if (Dims.Count == Shape.MaxRank) throw r.Fault($"a tensor has more than {Shape.MaxRank} dimensions");
        Dims.Add(dim);
    }

    private void AddExternal(ref WireReader entry, string? file)
    {
        string key = "", value = "";
        for (var r = new WireReader(entry.Content, entry.ContentOffset, file); r.Next();)
        {
            if (r.Type != WireType.Bytes) continue;
            if (r.Field == 1) key = Encoding.UTF8.GetString(r.Content);
            if (r.Field == 2) value = Encoding.UTF8.GetString(r.Content);
        }
        if (!ExternalData.TryAdd(key, value)) throw entry.Fault($"external data gives '{key}' twice");
    }

    private static void Expect(ref WireReader r, WireType type)
    {
        if (r.Type != type) throw r.Fault($"field {r.Field} of a tensor has wire type {(int)r.Type}, expected {(int)type}");
    }
}
