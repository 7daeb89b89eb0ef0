using Engine.Tensors;

namespace Engine;

/// <summary>Compares what a caller hands in with what the model declares.</summary>
internal static class InputCheck
{
    public static void Require(ValueInfo input, RuntimeValue? value)
    {
        if (value is null) throw new InputException($"input '{input.Name}' is null", input.Name);
        if (input.Type is not DeclaredType.Tensor t) return;
        if (value is not Tensor x) throw new InputException($"input '{input.Name}' is {t}, got no tensor", input.Name);
        bool fits = x.DType == t.DType || t.DType == DType.Undefined;
        if (t.Dims is { } d)
        {
            fits &= d.Length == x.Shape.Rank;
            for (int i = 0; fits && i < d.Length; i++) fits = !d[i].IsKnown || d[i].Value == x.Shape[i];
        }
        if (!fits) throw new InputException($"input '{input.Name}' is {t}, got {x}", input.Name);
    }

    /// <summary>The declared shape with one unknown dimension deduced from an element count; further unknown ones count as 1.</summary>
    public static Shape ShapeFor(ValueInfo input, long elements)
    {
        if (input.Type is not DeclaredType.Tensor { Dims: { } d }) throw new InputException($"input '{input.Name}' declares no shape; pass a tensor", input.Name);
        long known = d.Where(x => x.IsKnown).Aggregate(1L, (n, x) => Checked.Mul(n, x.Value));
        bool deduced = false;
        var dims = new long[d.Length];
        for (int i = 0; i < d.Length; i++)
        {
            dims[i] = d[i].IsKnown ? d[i].Value : deduced || known == 0 || elements % known != 0 ? 1 : elements / known;
            deduced |= !d[i].IsKnown;
        }
        var shape = new Shape(dims);
        return shape.Elements == elements ? shape : throw new InputException($"input '{input.Name}' is {input.Type}, got {elements} elements", input.Name);
    }
}
