using Engine.Tensors;

namespace Engine.Graph;

/// <summary>A constant in the layout of a kernel, kept beside the constant itself.</summary>
/// <param name="Weight">The constant: the object that wires of the graph hold.</param>
/// <param name="Layout">The layout's name, which holds all that the elements depend on beside the constant.</param>
/// <param name="Values">The elements in the kernel's order.</param>
public sealed record PackedWeight(Weight Weight, string Layout, Tensor Values)
{
    /// <summary>The file they are stored in, for messages, or null.</summary>
    public string? File { get; init; }

    /// <summary>The section they are stored in, for messages, or null.</summary>
    public string? Section { get; init; }
}
