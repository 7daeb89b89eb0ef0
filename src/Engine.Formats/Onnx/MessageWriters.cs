using System.Text;
using Engine.Graph;
using Engine.Tensors;
using Kind = Engine.Formats.Onnx.Proto.AttributeProto.Types.AttributeType;

namespace Engine.Formats.Onnx;

/// <summary>Tensors: <see cref="Tensor"/> to <c>TensorProto</c>, content as raw bytes, strings as a list.</summary>
internal static class TensorWriter
{
    private const int Dims = 1, DataType = 2, StringData = TensorFields.StringData, Name = 8, RawData = 9;

    public static WireWriter Message(Tensor tensor, string name = "")
    {
        var m = new WireWriter();
        foreach (long d in tensor.Shape.Dims) m.Int(Dims, d);
        m.Int(DataType, (int)tensor.DType);
        if (tensor.DType == DType.String)
            foreach (string s in tensor.Strings) m.Text(StringData, s);
        if (name.Length > 0) m.Text(Name, name);
        if (tensor.DType != DType.String) m.Raw(RawData, tensor);
        return m;
    }

    public static WireWriter Message(SparseTensor sparse)
    {
        var m = new WireWriter();
        m.Message(1, Message(sparse.Values));
        m.Message(2, Message(sparse.Indices));
        foreach (long d in sparse.Shape.Dims) m.Int(3, d);
        return m;
    }
}

/// <summary>Declared types: <see cref="DeclaredType"/> to <c>TypeProto</c>.</summary>
internal static class TypeWriter
{
    public static WireWriter Message(DeclaredType type)
    {
        var m = new WireWriter();
        switch (type)
        {
            case DeclaredType.Tensor t: m.Message(1, Tensor(t)); break;
            case DeclaredType.Sequence s: m.Message(4, Element(s.Element)); break;
            case DeclaredType.Optional o: m.Message(9, Element(o.Element)); break;
        }
        return m;
    }

    /// <summary>A <c>ValueInfoProto</c>.</summary>
    public static WireWriter Value(string name, DeclaredType? type)
    {
        var m = new WireWriter();
        m.Text(1, name);
        if (type is not null) m.Message(2, Message(type));
        return m;
    }

    private static WireWriter Element(DeclaredType type)
    {
        var m = new WireWriter();
        m.Message(1, Message(type));
        return m;
    }

    private static WireWriter Tensor(DeclaredType.Tensor type)
    {
        var m = new WireWriter();
        m.Int(1, (int)type.DType);
        if (type.Dims is null) return m;
        var shape = new WireWriter();
        foreach (var d in type.Dims)
        {
            var dim = new WireWriter();
            if (d.IsKnown) dim.Int(1, d.Value);
            else if (d.Symbol is { } s) dim.Text(2, s);
            shape.Message(1, dim);
        }
        m.Message(2, shape);
        return m;
    }
}

/// <summary>Attributes: the values that <see cref="Attributes"/> documents to <c>AttributeProto</c>.</summary>
internal static class AttributeWriter
{
    private const int TypeField = 20;

    /// <summary>The attribute; <paramref name="graph"/> makes the message of a subgraph.</summary>
    public static WireWriter Message(string name, object value, Func<ModelGraph, WireWriter> graph)
    {
        var m = new WireWriter();
        m.Text(1, name);
        switch (value)
        {
            case float f: m.Float(2, f); Type(Kind.Float); break;
            case long i: m.Int(3, i); Type(Kind.Int); break;
            case string s: m.Bytes(4, Encoding.UTF8.GetBytes(s)); Type(Kind.String); break;
            case Tensor t: m.Message(5, TensorWriter.Message(t)); Type(Kind.Tensor); break;
            case ModelGraph g: m.Message(6, graph(g)); Type(Kind.Graph); break;
            case DeclaredType t: m.Message(14, TypeWriter.Message(t)); Type(Kind.TypeProto); break;
            case SparseTensor s: m.Message(22, TensorWriter.Message(s)); Type(Kind.SparseTensor); break;
            case float[] many: foreach (float f in many) m.Float(7, f); Type(Kind.Floats); break;
            case long[] many: foreach (long i in many) m.Int(8, i); Type(Kind.Ints); break;
            case string[] many: foreach (string s in many) m.Text(9, s); Type(Kind.Strings); break;
            case Tensor[] many: foreach (var t in many) m.Message(10, TensorWriter.Message(t)); Type(Kind.Tensors); break;
            case ModelGraph[] many: foreach (var g in many) m.Message(11, graph(g)); Type(Kind.Graphs); break;
            case DeclaredType[] many: foreach (var t in many) m.Message(15, TypeWriter.Message(t)); Type(Kind.TypeProtos); break;
            case SparseTensor[] many: foreach (var s in many) m.Message(23, TensorWriter.Message(s)); Type(Kind.SparseTensors); break;
            default: throw new UnsupportedException($"attribute '{name}' is a {value.GetType().Name}, which ONNX does not store");
        }
        return m;

        void Type(Kind kind) => m.Int(TypeField, (int)kind);
    }
}
