using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX StringNormalizer: strings of [C] or [1, C] without the stop words, in upper or lower case or as they are; one empty string when none is left.</summary>
public sealed class StringNormalizer(Attributes a) : DynamicOperator(a)
{
    /// <summary>Words to leave out.</summary>
    public IReadOnlyList<string> StopWords { get; } = a.Strings("stopwords") ?? [];

    /// <summary>True when stop words are compared with their case.</summary>
    public bool IsCaseSensitive { get; } = a.Bool("is_case_sensitive");

    /// <summary>True for upper case, false for lower, null for none.</summary>
    public bool? ToUpper { get; } = a.String("case_change_action", "NONE") switch
    {
        "NONE" => null,
        "LOWER" => false,
        "UPPER" => true,
        var v => throw new OperatorException($"case_change_action '{v}' is none of NONE, LOWER, UPPER"),
    };

    /// <inheritdoc/>
    public override string Name => "StringNormalizer";
}
