using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX StringSplit: each string cut at a delimiter (runs of white space unless given) along a new last axis, padded with empty strings; and how many pieces each gave.</summary>
public sealed class StringSplit : DynamicOperator
{
    /// <summary>Creates the operator.</summary>
    public StringSplit(Attributes a) : base(a)
    {
        Delimiter = a.String("delimiter", "");
        MaxSplits = a.Int("maxsplit", long.MaxValue);
        if (MaxSplits < 0) throw new OperatorException($"maxsplit {MaxSplits} is negative");
    }

    /// <summary>The delimiter; empty for white space.</summary>
    public string Delimiter { get; }

    /// <summary>Most cuts a string.</summary>
    public long MaxSplits { get; }

    /// <inheritdoc/>
    public override string Name => "StringSplit";
}
