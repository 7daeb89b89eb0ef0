using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>Writes a weight to <paramref name="to"/>, which is zero, in a kernel's layout.</summary>
public delegate void PackFn(Weight weight, Tensor to, Workers workers);

/// <summary>
/// The order in which a kernel wants the elements of a weight. Layouts of one name hold the same bytes for equal weights, whatever the machine,
/// so that a file may keep them: a changed order is a new version.
/// </summary>
public sealed record PackedLayout
{
    /// <summary>Describes a layout of <paramref name="elements"/> elements of <paramref name="dtype"/>; <paramref name="parameters"/> is all that it depends on beside the weight.</summary>
    public PackedLayout(string stem, int version, string parameters, DType dtype, long elements)
    {
        Name = FormattableString.Invariant($"{stem} v{version} {parameters}");
        Type = new TensorType(dtype, new Shape(elements));
    }

    /// <summary>Kernel, version, parameters.</summary>
    public string Name { get; }

    /// <summary>Type of the packed weight, known before it is packed.</summary>
    public TensorType Type { get; }

    /// <summary>True when files may hold it: no other operand is part of it, and its kernel runs safely on any bytes of the type.</summary>
    public bool IsStored { get; init; } = true;
}
