namespace Engine.Tensors;

/// <summary>Weights of which only some entries of some axes stay.</summary>
public static class WeightParts
{
    /// <summary>
    /// The weight of the entries that <paramref name="runs"/> keep, for each axis in order. A dense matrix or larger cut to its first entries is a
    /// <see cref="Leading"/>, a vector a view; codes and other parts are copied. Throws <see cref="UnsupportedException"/> for a form that cannot be cut there.
    /// </summary>
    public static Weight Take(this Weight weight, IReadOnlyList<IReadOnlyList<AxisRun>> runs)
    {
        var shape = Kept(runs);
        if (shape == weight.Shape) return weight;
        bool first = runs.All(r => r is [{ Start: 0 }]);
        switch (weight)
        {
            case Dense d when first && d.Shape.Rank == 1 && d.DType != DType.String:
                return new Dense(d.Values.First(shape[0]));
            case Dense d when first && d.DType == DType.F32:
                return new Leading(d, shape);
            case Dense d:
                return new Dense(d.Values.Take(runs));
            case Leading l:
                return first ? new Leading(l.Whole, shape) : new Dense(l.Decode().Take(runs));
            case Quantized q:
                return Take(q, shape, runs);
            case LowRank { U.Shape.Rank: 2, V.Shape.Rank: 2, Shape.Rank: 2 } l:
                return new LowRank(shape, l.U.Take([[new(0, l.StoredRank)], runs[0]]), l.V.Take([[new(0, l.StoredRank)], runs[1]]), l.Rank);
            default:
                throw new UnsupportedException($"a {weight} weight cannot be cut to {shape}: dense ones, codes and low-rank factors can; decode it");
        }
    }

    private static Shape Kept(IReadOnlyList<IReadOnlyList<AxisRun>> runs) => new([.. runs.Select(r => r.Sum(x => x.Count))]);

    private static Quantized Take(Quantized q, Shape shape, IReadOnlyList<IReadOnlyList<AxisRun>> runs)
    {
        var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(shape.Elements, q.Bits)));
        var wide = Tensor.Allocate(DType.U8, q.Shape);
        BitStream.Unpack(q.Codes.Bytes, 0, wide.Bytes, q.Bits);
        BitStream.Pack(wide.Take(runs).Bytes, codes.Bytes, q.Bits);
        Weight? Scales(Weight? s)
        {
            if (s is null || q.Granularity == Granularity.Tensor || s.Shape.Elements == 1) return s;
            if (q.Granularity == Granularity.Channel) return new Dense(s.ToF32().Reshape(new Shape(q.Shape[q.Axis])).Take([runs[q.Axis]]));
            var parts = runs.ToArray();
            parts[q.Axis] = [.. runs[q.Axis].Select(r => Groups(q, r))];
            return new Dense(s.ToF32().Reshape(q.Shape.With(q.Axis, Checked.CeilDiv(q.Shape[q.Axis], q.Group))).Take(parts));
        }
        return new(shape, q.Bits, codes, q.Granularity, Scales(q.Scale)!, Scales(q.Zero), q.Signed, q.Axis, q.Group, q.Table, q.DType, Scales(q.Minimum));
    }

    private static AxisRun Groups(Quantized q, AxisRun r)
    {
        long end = r.Start + r.Count;
        if (r.Start % q.Group != 0 || end % q.Group != 0 && end != q.Shape[q.Axis]) throw new UnsupportedException($"entries {r.Start} to {end} of a {q} weight are no whole groups of {q.Group}");
        return new(r.Start / q.Group, Checked.CeilDiv(r.Count, q.Group));
    }
}
