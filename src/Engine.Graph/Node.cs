namespace Engine.Graph;

/// <summary>One use of an operator. Optional operands that are left out are null.</summary>
public sealed class Node(string name, Operator op, IReadOnlyList<Value?> inputs, IReadOnlyList<Value?> outputs)
{
    /// <summary>Name in the model, or one made from the first output.</summary>
    public string Name { get; } = name;

    /// <summary>What it computes.</summary>
    public Operator Op { get; set; } = op;

    /// <summary>Operands in the operator's order.</summary>
    public IReadOnlyList<Value?> Inputs { get; set; } = inputs;

    /// <summary>Results in the operator's order.</summary>
    public IReadOnlyList<Value?> Outputs { get; set; } = outputs;

    /// <summary>Elementwise steps applied to output 0 before it is stored, in order; see <see cref="EpilogueStep"/>.</summary>
    public IReadOnlyList<EpilogueStep> Epilogue { get; set; } = [];

    /// <summary>Input <paramref name="i"/>, or null where left out.</summary>
    public Value? Input(int i) => i < Inputs.Count ? Inputs[i] : null;

    /// <summary>How messages name this node: <c>node 'conv1' (Conv, opset 13)</c>.</summary>
    public string Describe() => $"node '{Name}' ({(Op.Domain.Length == 0 ? "" : Op.Domain + ".")}{Op.Name}, opset {Op.Attributes.Opset})";

    /// <inheritdoc/>
    public override string ToString() => Describe();
}

/// <summary>
/// One fused elementwise step after a linear operator. A binary step reads node input <paramref name="Operand"/> (same shape as the
/// output), a unary one has operand −1.
/// </summary>
public sealed record EpilogueStep(Operator Op, int Operand = -1);
