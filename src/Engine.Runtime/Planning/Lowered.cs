using Engine.Graph;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>A node with concrete types, on its way to a step.</summary>
internal sealed class LoweredNode(Node node, Value?[] inputs, TensorType?[] outTypes)
{
    /// <summary>The node; fusion replaces it by one with an epilogue.</summary>
    public Node Node { get; set; } = node;

    /// <summary>Operands, aliases of inlined branches resolved.</summary>
    public Value?[] Inputs { get; set; } = inputs;

    /// <summary>Result types; null where the node does not give that output.</summary>
    public TensorType?[] OutTypes { get; } = outTypes;

    /// <summary>Results.</summary>
    public IReadOnlyList<Value?> Outputs => Node.Outputs;

    /// <summary>Why a fusion left it as it is, where that is worth saying.</summary>
    public string NotFused { get; set; } = "";

    /// <summary>What the rule says of the cost.</summary>
    public Cost Cost { get; init; }
}

/// <summary>A straight run of nodes with concrete types, and how it ends.</summary>
internal sealed class LoweredSegment
{
    public required List<LoweredNode> Nodes { get; init; }

    /// <summary>Type of every wire of the segment.</summary>
    public required Dictionary<Value, TensorType> Types { get; init; }

    /// <summary>Wires whose value is known at plan time, constants of the model left out.</summary>
    public required Dictionary<Value, Tensor> Known { get; init; }

    /// <summary>Wires that must exist as tensors when the segment ends.</summary>
    public required IReadOnlyList<Value> Outputs { get; init; }

    /// <summary>Outputs of inlined branches, by the wire that the graph around them reads.</summary>
    public required IReadOnlyDictionary<Value, Value> Aliases { get; init; }

    /// <summary>The node that ends the segment, run on values; null when the graph ends here or a value is needed.</summary>
    public Node? Tail { get; init; }

    /// <summary>Operands of the tail.</summary>
    public Value?[] TailInputs { get; init; } = [];

    /// <summary>What remains after the tail, or null when the graph ends.</summary>
    public SegmentSource? Next { get; init; }
}
