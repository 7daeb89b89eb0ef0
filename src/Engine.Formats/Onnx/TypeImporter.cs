using Engine.Formats.Onnx.Proto;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>Declared types: <c>TypeProto</c> to <see cref="DeclaredType"/>.</summary>
internal static class TypeImporter
{
    /// <summary>The type, or null where the file leaves it open.</summary>
    public static DeclaredType? Read(TypeProto? type, string name, string? file) => type?.ValueCase switch
    {
        null or TypeProto.ValueOneofCase.None => null,
        TypeProto.ValueOneofCase.TensorType => Tensor(type.TensorType, name, file),
        TypeProto.ValueOneofCase.SequenceType => new DeclaredType.Sequence(Element(type.SequenceType.ElemType, name, file)),
        TypeProto.ValueOneofCase.OptionalType => new DeclaredType.Optional(Element(type.OptionalType.ElemType, name, file)),
        TypeProto.ValueOneofCase.SparseTensorType => throw new UnsupportedException($"value '{name}': sparse tensors cannot be inputs or outputs"),
        TypeProto.ValueOneofCase.MapType => throw new UnsupportedException($"value '{name}': maps are not supported"),
        _ => throw new UnsupportedException($"value '{name}': opaque types are not supported"),
    };

    private static DeclaredType Element(TypeProto? type, string name, string? file) =>
        Read(type, name, file) ?? throw new InvalidModelException($"value '{name}': a sequence or optional type has no element type", file);

    private static DeclaredType.Tensor Tensor(TypeProto.Types.Tensor t, string name, string? file)
    {
        if (t.ElemType is < 0 or > byte.MaxValue || t.ElemType != 0 && !((DType)t.ElemType).IsDefined())
            throw new InvalidModelException($"value '{name}': element type {t.ElemType} is not known", file);
        if (t.Shape is null) return new((DType)t.ElemType, null);
        if (t.Shape.Dim.Count > Shape.MaxRank) throw new InvalidModelException($"value '{name}': rank {t.Shape.Dim.Count} exceeds {Shape.MaxRank}", file);
        var dims = new Dim[t.Shape.Dim.Count];
        for (int i = 0; i < dims.Length; i++)
        {
            var d = t.Shape.Dim[i];
            dims[i] = d.ValueCase switch
            {
                // Exporters write −1 for "unknown" now and then.
                TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue => d.DimValue < 0 ? Dim.Unknown : new Dim(d.DimValue),
                TensorShapeProto.Types.Dimension.ValueOneofCase.DimParam when d.DimParam.Length > 0 => new Dim(-1, d.DimParam),
                _ => Dim.Unknown,
            };
        }
        return new((DType)t.ElemType, dims);
    }
}
