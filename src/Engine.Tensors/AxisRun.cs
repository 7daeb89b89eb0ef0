namespace Engine.Tensors;

/// <summary>A run of entries of an axis.</summary>
/// <param name="Start">The first.</param>
/// <param name="Count">How many.</param>
public readonly record struct AxisRun(long Start, long Count);

/// <summary>Taking a part of a tensor's entries.</summary>
public static class TensorParts
{
    /// <summary>
    /// A copy of the entries in <paramref name="runs"/>: for each axis the runs that stay, in order, within the axis. Throws <see cref="OperatorException"/>
    /// where they are not, and for strings and elements of less than a byte.
    /// </summary>
    public static Tensor Take(this Tensor t, IReadOnlyList<IReadOnlyList<AxisRun>> runs)
    {
        var s = t.Shape;
        if (runs.Count != s.Rank || t.DType == DType.String || t.DType.BitWidth() % 8 != 0) throw new OperatorException($"no part of {t} can be taken along {runs.Count} axes");
        var shape = s;
        for (int axis = 0; axis < s.Rank; axis++)
        {
            long count = 0, last = 0;
            foreach (var r in runs[axis])
            {
                if (r.Start < last || r.Count < 0 || r.Start > s[axis] - r.Count) throw new OperatorException($"entries {r.Start} to {r.Start + r.Count} of axis {axis} are out of order or beyond {s}");
                (count, last) = (count + r.Count, r.Start + r.Count);
            }
            shape = shape.With(axis, count);
        }
        var y = Tensor.Allocate(t.DType, shape);
        if (shape.Elements == 0) return y;
        long written = 0;
        Copy(t.Bytes, y.Bytes, 0, 0, t.DType.BitWidth() / 8, s, runs, ref written);
        return y;
    }

    private static void Copy(ReadOnlySpan<byte> from, Span<byte> to, int axis, long index, int elementBytes, Shape s, IReadOnlyList<IReadOnlyList<AxisRun>> runs, ref long written)
    {
        if (axis == s.Rank)
        {
            from.Slice(Checked.Int(index * elementBytes), elementBytes).CopyTo(to[Checked.Int(written)..]);
            written += elementBytes;
            return;
        }
        // Axes behind this one that stay whole are copied with it.
        bool whole = true;
        for (int a = axis + 1; a < s.Rank; a++) whole &= runs[a] is [{ Start: 0 } only] && only.Count == s[a];
        long inner = s.Product(axis + 1, s.Rank);
        foreach (var r in runs[axis])
        {
            if (whole)
            {
                int bytes = Checked.Int(r.Count * inner * elementBytes);
                from.Slice(Checked.Int((index * s[axis] + r.Start) * inner * elementBytes), bytes).CopyTo(to[Checked.Int(written)..]);
                written += bytes;
            }
            else
                for (long i = 0; i < r.Count; i++) Copy(from, to, axis + 1, index * s[axis] + r.Start + i, elementBytes, s, runs, ref written);
        }
    }
}
