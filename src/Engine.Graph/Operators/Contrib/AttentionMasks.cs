using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>Forms of the key mask that com.microsoft attention operators take, all i32.</summary>
public enum AttentionMask
{
    /// <summary>None.</summary>
    None,
    /// <summary>[B]: number of keys of each entry.</summary>
    Lengths,
    /// <summary>[2 · B]: ends, then starts.</summary>
    Ranges,
    /// <summary>[B, T]: 1 for keys to look at.</summary>
    Keys,
    /// <summary>[B, S, T].</summary>
    Full,
}

/// <summary>Recognizes masks by their shape.</summary>
public static class AttentionMasks
{
    /// <summary>The form of a mask, which may be null; throws for shapes that are none.</summary>
    public static AttentionMask Of(TensorType? mask, long batch, long rows, long keys)
    {
        if (mask is null) return AttentionMask.None;
        if (mask.DType != DType.I32) throw new OperatorException($"the mask has element type {mask.DType.Display()}, expected i32");
        var s = mask.Shape;
        return s == new Shape(batch) ? AttentionMask.Lengths : s == new Shape(2 * batch) ? AttentionMask.Ranges : s == new Shape(batch, keys) ? AttentionMask.Keys
            : s == new Shape(batch, rows, keys) ? AttentionMask.Full : throw new UnsupportedException($"a mask of shape {s} for {batch} × {rows} queries and {keys} keys is not supported");
    }
}
