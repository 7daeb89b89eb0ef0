using Engine.Tensors;

namespace Engine;

/// <summary>An input or output of a model.</summary>
/// <param name="Name">Name in the model.</param>
/// <param name="Type">Declared type; symbolic dimensions keep their symbol.</param>
public sealed record ValueInfo(string Name, DeclaredType? Type)
{
    /// <summary>Element type, or undefined for sequences and optionals.</summary>
    public DType DType => (Type as DeclaredType.Tensor)?.DType ?? DType.Undefined;

    /// <summary>The shape when every dimension is known, else null.</summary>
    public Shape? StaticShape => Type is DeclaredType.Tensor { Dims: { } d } && d.All(x => x.IsKnown) ? new Shape([.. d.Select(x => x.Value)]) : null;

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Type?.ToString() ?? "?"}";
}
