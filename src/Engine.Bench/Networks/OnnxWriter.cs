using Engine.Tensors;
using Google.Protobuf;

namespace Engine.Bench;

/// <summary>Builds a model node by node and writes it in the ONNX format (opset 17). Wires are strings; attributes are longs, floats or arrays of longs.</summary>
internal sealed class OnnxWriter(string name)
{
    // Field numbers are facts of the format.
    private const int IrVersion = 8, Opset = 17;

    private readonly List<(string Op, string[] Inputs, string Output, (string Name, object Value)[] Attributes)> _nodes = [];
    private readonly List<(string Name, Tensor Value)> _constants = [];
    private readonly List<(string Name, DType DType, Shape Shape)> _inputs = [], _outputs = [];

    /// <summary>Declares an f32 input.</summary>
    public string Input(string wire, params ReadOnlySpan<long> dims) => Input(wire, DType.F32, dims);

    /// <summary>Declares an input.</summary>
    public string Input(string wire, DType dtype, params ReadOnlySpan<long> dims)
    {
        _inputs.Add((wire, dtype, new Shape(dims)));
        return wire;
    }

    /// <summary>Declares an existing wire as an f32 output.</summary>
    public void Output(string wire, params ReadOnlySpan<long> dims) => Output(wire, DType.F32, dims);

    /// <summary>Declares an existing wire as an output.</summary>
    public void Output(string wire, DType dtype, params ReadOnlySpan<long> dims) => _outputs.Add((wire, dtype, new Shape(dims)));

    /// <summary>Adds a constant under a name that is not taken; a name given twice is the first one's constant.</summary>
    public string Constant(string wire, Func<Tensor> value)
    {
        if (!_constants.Exists(c => c.Name == wire)) _constants.Add((wire, value()));
        return wire;
    }

    /// <summary>Adds a node of one output and returns its wire; another domain than ONNX's own stands before the operator and a dot.</summary>
    public string Node(string op, string[] inputs, params (string Name, object Value)[] attributes)
    {
        string output = $"{op.ToLowerInvariant()}_{_nodes.Count}";
        _nodes.Add((op, inputs, output, attributes));
        return output;
    }

    /// <summary>Gives the last node's output another name.</summary>
    public string Rename(string wire)
    {
        _nodes[^1] = _nodes[^1] with { Output = wire };
        return wire;
    }

    /// <summary>Writes the whole model; the same calls give the same bytes.</summary>
    public void Write(Stream to)
    {
        var (nodes, rest) = (Bytes(Nodes), Bytes(Interface));
        var heads = _constants.ConvertAll(c => ConstantHead(c.Name, c.Value));
        long graph = nodes.Length + rest.Length + heads.Sum(h => (long)h.Length) + _constants.Sum(c => c.Value.ByteLength);
        to.Write(Bytes(o =>
        {
            Int(o, 1, IrVersion);
            Text(o, 2, "engine-bench");
            Message(o, 8, Bytes(m => Int(m, 2, Opset)));
            foreach (string domain in _nodes.Select(n => Domain(n.Op)).Where(d => d.Length > 0).Distinct().Order(StringComparer.Ordinal))
                Message(o, 8, Bytes(m =>
                {
                    Text(m, 1, domain);
                    Int(m, 2, 1);
                }));
            Head(o, 7, graph);
        }));
        to.Write(nodes);
        for (int i = 0; i < heads.Count; i++)
        {
            to.Write(heads[i]);
            to.Write(_constants[i].Value.Bytes);
        }
        to.Write(rest);
    }

    private static string Domain(string op) => op[..Math.Max(0, op.LastIndexOf('.'))];

    private void Nodes(CodedOutputStream o)
    {
        foreach (var (op, inputs, output, attributes) in _nodes)
            Message(o, 1, Bytes(m =>
            {
                foreach (string i in inputs) Text(m, 1, i);
                Text(m, 2, output);
                Text(m, 3, output);
                Text(m, 4, op[(op.LastIndexOf('.') + 1)..]);
                foreach (var (key, value) in attributes) Message(m, 5, Bytes(a => Attribute(a, key, value)));
                if (Domain(op) is { Length: > 0 } domain) Text(m, 7, domain);
            }));
        Text(o, 2, name);
    }

    private static void Attribute(CodedOutputStream o, string key, object value)
    {
        Text(o, 1, key);
        switch (value)
        {
            case long i:
                Int(o, 3, i);
                Int(o, 20, 2);
                break;
            case float f:
                o.WriteTag(2, WireFormat.WireType.Fixed32);
                o.WriteFloat(f);
                Int(o, 20, 1);
                break;
            case long[] many:
                foreach (long i in many) Int(o, 8, i);
                Int(o, 20, 7);
                break;
            default: throw new ArgumentException($"attribute '{key}' is a {value.GetType()}");
        }
    }

    private void Interface(CodedOutputStream o)
    {
        foreach (var (field, values) in new[] { (11, _inputs), (12, _outputs) })
            foreach (var (wire, dtype, shape) in values)
            {
                byte[] dims = Bytes(s =>
                {
                    foreach (long d in shape.Dims.ToArray()) Message(s, 1, Bytes(x => Int(x, 1, d)));
                });
                byte[] tensor = Bytes(t =>
                {
                    Int(t, 1, (int)dtype);
                    Message(t, 2, dims);
                });
                Message(o, field, Bytes(v =>
                {
                    Text(v, 1, wire);
                    Message(v, 2, Bytes(t => Message(t, 1, tensor)));
                }));
            }
    }

    /// <summary>A constant up to its raw content, which comes last.</summary>
    private static byte[] ConstantHead(string wire, Tensor value)
    {
        byte[] fields = Bytes(o =>
        {
            foreach (long d in value.Shape.Dims.ToArray()) Int(o, 1, d);
            Int(o, 2, (int)value.DType);
            Text(o, 8, wire);
            Head(o, 9, value.ByteLength);
        });
        return [.. Bytes(o => Head(o, 5, fields.Length + value.ByteLength)), .. fields];
    }

    private static byte[] Bytes(Action<CodedOutputStream> write)
    {
        using var m = new MemoryStream();
        using (var o = new CodedOutputStream(m, leaveOpen: true)) write(o);
        return m.ToArray();
    }

    private static void Head(CodedOutputStream o, int field, long length)
    {
        o.WriteTag(field, WireFormat.WireType.LengthDelimited);
        o.WriteInt64(length);
    }

    private static void Message(CodedOutputStream o, int field, byte[] content)
    {
        o.WriteTag(field, WireFormat.WireType.LengthDelimited);
        o.WriteBytes(UnsafeByteOperations.UnsafeWrap(content));
    }

    private static void Text(CodedOutputStream o, int field, string value)
    {
        o.WriteTag(field, WireFormat.WireType.LengthDelimited);
        o.WriteString(value);
    }

    private static void Int(CodedOutputStream o, int field, long value)
    {
        o.WriteTag(field, WireFormat.WireType.Varint);
        o.WriteInt64(value);
    }
}
