namespace Engine.Graph.Operators;

/// <summary>ONNX Optional: the input as an optional value, or an absent one.</summary>
public sealed class OptionalOf(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "Optional";
}

/// <summary>ONNX OptionalGetElement: the value of an optional that is there; anything else passes.</summary>
public sealed class OptionalGetElement(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "OptionalGetElement";
}

/// <summary>ONNX OptionalHasElement: whether the value is there, as a bool scalar.</summary>
public sealed class OptionalHasElement(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "OptionalHasElement";
}
