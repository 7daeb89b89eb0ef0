namespace Engine.Graph.Operators;

/// <summary>ONNX RegexFullMatch: for each string, whether the whole of it matches a pattern in RE2 syntax.</summary>
public sealed class RegexFullMatch(Attributes a) : DynamicOperator(a)
{
    /// <summary>The pattern.</summary>
    public string Pattern { get; } = a.String("pattern", "");

    /// <inheritdoc/>
    public override string Name => "RegexFullMatch";
}
