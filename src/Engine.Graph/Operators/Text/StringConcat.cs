namespace Engine.Graph.Operators;

/// <summary>ONNX StringConcat: strings joined elementwise, shapes broadcast.</summary>
public sealed class StringConcat(Attributes a) : DynamicOperator(a)
{
    /// <inheritdoc/>
    public override string Name => "StringConcat";
}
