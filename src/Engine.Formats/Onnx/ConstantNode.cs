using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>A <c>Constant</c> node is no step of a plan: its value is read with the model.</summary>
internal static class ConstantNode
{
    /// <summary>The value, in any of the attributes that the operator has had.</summary>
    public static Tensor Value(IReadOnlyDictionary<string, object> attributes, TensorSource tensors, string node, string? file)
    {
        if (attributes.Count != 1) throw new InvalidModelException($"node '{node}' (Constant): {attributes.Count} values given, expected one", file);
        var (name, value) = attributes.First();
        return (name, value) switch
        {
            ("value", Tensor t) => t,
            ("sparse_value", SparseTensor s) => tensors.Densify(s, node),
            ("value_float", float f) => Tensor.Scalar(f),
            ("value_floats", float[] f) => Tensor.Vector<float>(f),
            ("value_floats", long[] { Length: 0 }) => Tensor.Vector<float>(),
            ("value_int", long i) => Tensor.Scalar(i),
            ("value_ints", long[] i) => Tensor.Vector<long>(i),
            ("value_string", string s) => new Tensor(Shape.Scalar, [s]),
            ("value_strings", string[] s) => new Tensor(new Shape(s.Length), s),
            _ => throw new InvalidModelException($"node '{node}' (Constant): attribute '{name}' is not a value", file),
        };
    }
}
