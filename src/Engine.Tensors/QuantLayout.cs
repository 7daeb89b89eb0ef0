namespace Engine.Tensors;

/// <summary>
/// Which elements of a row-major tensor [outer, axis, inner] share a scale and zero point: all of them, those of one index of the
/// axis, or blocks of <paramref name="Block"/> along the axis (then scales have the shape [outer, ⌈axis / block⌉, inner]).
/// </summary>
/// <param name="Elements">Elements of the tensor.</param>
/// <param name="Axis">Extent of the axis; 1 for one scale a tensor.</param>
/// <param name="Inner">Elements behind the axis.</param>
/// <param name="Block">Indices of the axis that share a scale; 0 for a scale an index.</param>
public readonly record struct QuantLayout(long Elements, long Axis, long Inner, long Block)
{
    /// <summary>One scale for everything.</summary>
    public static QuantLayout PerTensor(long elements) => new(elements, 1, Math.Max(1, elements), 0);

    /// <summary>
    /// The scale of element <paramref name="at"/> and the length of the run from it on in which the scale index rises by
    /// <paramref name="step"/> (0 or 1) an element.
    /// </summary>
    public (long Scale, long Run) Segment(long at, out int step)
    {
        long i = at % Inner, a = at / Inner % Axis, o = at / Inner / Axis;
        if (Block == 0)
        {
            step = Inner == 1 && Axis > 1 ? 1 : 0;
            return (a, step == 1 ? Axis - a : Inner - i);
        }
        long groups = (Axis + Block - 1) / Block;
        step = Inner == 1 ? 0 : 1;
        return ((o * groups + a / Block) * Inner + i, step == 1 ? Inner - i : Math.Min(Block - a % Block, Axis - a));
    }
}
