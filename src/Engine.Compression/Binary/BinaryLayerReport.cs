using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>A layer of signs by signs: what it is stored as, and what a tree over its output channels saves.</summary>
/// <param name="Name">The layer.</param>
/// <param name="Shape">Shape of its weight.</param>
/// <param name="Channels">Output channels.</param>
/// <param name="Inputs">Signs of an output channel, N of the paper.</param>
/// <param name="ToBits">True where its outputs are signs again, false where they are f32.</param>
/// <param name="IsTree">True where the weight is a <see cref="BinaryTree"/>, false where it is <see cref="Binary"/>.</param>
/// <param name="Bytes">Bytes of the weight as it is stored.</param>
public sealed record BinaryLayerReport(string Name, string Shape, int Channels, int Inputs, bool ToBits, bool IsTree, long Bytes)
{
    /// <summary>Why it is no tree, or its outputs no bits; empty where there is nothing to say.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Σ |D|: inputs in which channels differ from their parents in the minimum spanning tree; null where no tree was made.</summary>
    public long? Differences { get; init; }

    /// <summary>Edges from the root of the tree to the farthest channel; null where no tree was made.</summary>
    public int? Depth { get; init; }

    /// <summary>Channels of the tree that are the opposite of the model's, their thresholds or scales turned round.</summary>
    public int Negated { get; init; }

    /// <summary>Nanoseconds of a run word by word; null where it was not measured.</summary>
    public long? PackedNanoseconds { get; init; }

    /// <summary>Nanoseconds of a run bit by bit with sums shared by sets of channels; null where it was not measured.</summary>
    public long? SharedNanoseconds { get; init; }

    /// <summary>Nanoseconds of a run along the tree; null where it was not measured.</summary>
    public long? TreeNanoseconds { get; init; }

    /// <summary>Products of signs for an output pixel of all channels.</summary>
    public long Operations => (long)Channels * Inputs;

    /// <summary>Those along the tree, N + Σ |D|; null where no tree was made.</summary>
    public long? TreeOperations => Inputs + Differences;

    /// <summary>Mean of |D| / N over the edges of the tree; null where there is none.</summary>
    public double? MeanDifference => Channels > 1 ? Differences / ((Channels - 1.0) * Inputs) : null;

    /// <summary>Operations over those along the tree: the gain to expect where operations cost the same; null where no tree was made.</summary>
    public double? ExpectedGain => (double?)Operations / TreeOperations;

    /// <summary>The faster of the runs without a tree over that along it; null where they were not measured.</summary>
    public double? MeasuredGain => (double?)OtherNanoseconds / TreeNanoseconds;

    /// <summary>The faster of the runs without a tree.</summary>
    internal long? OtherNanoseconds => PackedNanoseconds is { } p && SharedNanoseconds is { } s ? Math.Min(p, s) : PackedNanoseconds ?? SharedNanoseconds;

    /// <summary>The layers of a graph as they are stored, none of them measured.</summary>
    public static IReadOnlyList<BinaryLayerReport> Of(ModelGraph graph) => [.. graph.Nodes.Where(n => n is { Op: BinaryConv } && n.Inputs[1]?.Constant is Binary or BinaryTree).Select(Of)];

    internal static BinaryLayerReport Of(Node n)
    {
        var w = (EncodedWeight)n.Inputs[1]!.Constant!;
        var tree = w as BinaryTree;
        return new(n.Name, w.Shape.ToString(), w.Rows, w.Columns, n.Input(2)?.Constant is { DType: DType.I32 }, tree is not null, w.StoredBytes) { Differences = tree?.Differences, Depth = tree?.Depth };
    }
}
