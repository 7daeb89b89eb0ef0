using Engine.Tensors;

namespace Engine.Graph;

/// <summary>A wire: a graph input, a constant, or one output of a node. Identity is the object; the name is for people.</summary>
public sealed class Value(string name, DeclaredType? declared = null)
{
    /// <summary>Name in the model; unique within its graph.</summary>
    public string Name { get; } = name;

    /// <summary>The type the model declares, where it does.</summary>
    public DeclaredType? Declared { get; set; } = declared;

    /// <summary>The constant content, or null for a wire computed at run time.</summary>
    public Weight? Constant { get; set; }

    /// <summary>The constant content as a plain tensor when it is dense.</summary>
    public Tensor? ConstantTensor => (Constant as Dense)?.Values;

    /// <summary>The grid that the wire's f32 value is rounded to by definition, or null for an ordinary wire.</summary>
    public WireQuantization? Quantization { get; set; }

    /// <summary>A new constant wire.</summary>
    public static Value Of(string name, Tensor tensor) => new(name) { Constant = new Dense(tensor) };

    /// <inheritdoc/>
    public override string ToString() => Name;
}
