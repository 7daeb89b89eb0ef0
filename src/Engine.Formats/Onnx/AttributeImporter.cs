using System.Text;
using Engine.Formats.Onnx.Proto;
using Engine.Graph;
using Engine.Tensors;
using Kind = Engine.Formats.Onnx.Proto.AttributeProto.Types.AttributeType;

namespace Engine.Formats.Onnx;

/// <summary>Attributes of a node, as the values that <see cref="Attributes"/> documents; references to a function's attributes resolved.</summary>
internal sealed class AttributeImporter(GraphImporter graphs, TensorSource tensors, string? file)
{
    /// <summary>The attributes of a node in <paramref name="scope"/>.</summary>
    public Dictionary<string, object> Read(IEnumerable<AttributeProto> attributes, Scope scope, string node)
    {
        var r = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var a in attributes)
        {
            object? value = a.RefAttrName.Length > 0 ? Referenced(a, scope, node) : Read(a, scope, node);
            if (value is not null && !r.TryAdd(a.Name, value)) throw new InvalidModelException($"node '{node}': attribute '{a.Name}' is given twice", file);
        }
        return r;
    }

    // A reference to an attribute that the call leaves out leaves this one out too.
    private object? Referenced(AttributeProto a, Scope scope, string node)
    {
        if (scope.CallAttributes is null) throw new InvalidModelException($"node '{node}': attribute '{a.Name}' refers to '{a.RefAttrName}' outside a function", file);
        return scope.CallAttributes.GetValueOrDefault(a.RefAttrName);
    }

    private object Read(AttributeProto a, Scope scope, string node)
    {
        string where = $"{node}.{a.Name}";
        return (a.Type == Kind.Undefined ? Guess(a) : a.Type) switch
        {
            Kind.Float => a.F,
            Kind.Int => a.I,
            Kind.String => Encoding.UTF8.GetString(a.S.Span),
            Kind.Tensor => tensors.Read(a.T ?? throw Empty()),
            Kind.SparseTensor => tensors.ReadSparse(a.SparseTensor ?? throw Empty()),
            Kind.Graph => graphs.ImportSubgraph(a.G ?? throw Empty(), scope),
            Kind.TypeProto => TypeImporter.Read(a.Tp, where, file) ?? throw Empty(),
            Kind.Floats => a.Floats.ToArray(),
            Kind.Ints => a.Ints.ToArray(),
            Kind.Strings => a.Strings.Select(s => Encoding.UTF8.GetString(s.Span)).ToArray(),
            Kind.Tensors => a.Tensors.Select(tensors.Read).ToArray(),
            Kind.SparseTensors => a.SparseTensors.Select(tensors.ReadSparse).ToArray(),
            Kind.Graphs => a.Graphs.Select(g => graphs.ImportSubgraph(g, scope)).ToArray(),
            Kind.TypeProtos => a.TypeProtos.Select(t => TypeImporter.Read(t, where, file) ?? throw Empty()).ToArray(),
            _ => throw new InvalidModelException($"node '{node}': attribute '{a.Name}' has type {(int)a.Type}, which is not known", file),
        };

        InvalidModelException Empty() => new($"node '{node}': attribute '{a.Name}' has no value", file);
    }

    // Files of IR version 1 may leave the type out.
    private static Kind Guess(AttributeProto a) =>
        a.HasF ? Kind.Float : a.HasI ? Kind.Int : a.HasS ? Kind.String : a.T is not null ? Kind.Tensor : a.G is not null ? Kind.Graph
        : a.SparseTensor is not null ? Kind.SparseTensor : a.Tp is not null ? Kind.TypeProto
        : a.Floats.Count > 0 ? Kind.Floats : a.Strings.Count > 0 ? Kind.Strings : a.Tensors.Count > 0 ? Kind.Tensors
        : a.Graphs.Count > 0 ? Kind.Graphs : a.SparseTensors.Count > 0 ? Kind.SparseTensors : a.TypeProtos.Count > 0 ? Kind.TypeProtos : Kind.Ints;
}
