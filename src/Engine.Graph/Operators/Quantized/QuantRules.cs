using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>Rules that quantization operators share.</summary>
internal static class QuantRules
{
    /// <summary>
    /// How scales of shape <paramref name="scale"/> lie over <paramref name="x"/>: a scalar or one element for the tensor, [dim] for
    /// the axis, or x's shape with the axis divided by <paramref name="block"/>.
    /// </summary>
    public static QuantLayout Layout(Shape x, Shape scale, long axis, long block)
    {
        if (block < 0) throw new OperatorException($"block_size {block} is negative");
        if (block == 0 && scale.Rank <= 1 && scale.Elements == 1) return QuantLayout.PerTensor(x.Elements);
        int a = x.Axis(axis);
        if (x.Rank == 0) throw new OperatorException($"scale of shape {scale} does not fit a scalar");
        if (block == 0)
        {
            if (scale.Rank != 1 || scale[0] != x[a]) throw new OperatorException($"scale of shape {scale} does not fit axis {a} of shape {x}");
            return new(x.Elements, x[a], x.Product(a + 1, x.Rank), 0);
        }
        if (scale != x.With(a, Checked.CeilDiv(x[a], block))) throw new OperatorException($"scale of shape {scale} does not fit shape {x} in blocks of {block} along axis {a}");
        return new(x.Elements, x[a], x.Product(a + 1, x.Rank), block);
    }

    /// <summary>Throws unless the zero point <paramref name="zero"/>, where given, has the scale's element count and, where asked, a type.</summary>
    public static void ZeroFits(InferContext c, int zero, int scale, DType? type = null)
    {
        if (!c.Has(zero)) return;
        if (c.Shape(zero).Elements != c.Shape(scale).Elements) throw new OperatorException($"zero point of shape {c.Shape(zero)} does not match the scale of shape {c.Shape(scale)}");
        if (type is { } t) c.Require(zero, t);
    }

    /// <summary>Throws unless input <paramref name="x"/> is u8 or i8 with an f32 scale and, where given, a zero point of its type.</summary>
    public static void CodesWithGrid(InferContext c, int x, int scale, int zero)
    {
        c.Require(x, DType.U8, DType.I8);
        Grid(c, scale, zero, c.DType(x));
    }

    /// <summary>Throws unless the inputs are one f32 scale and, where given, one zero point of a type.</summary>
    public static void Grid(InferContext c, int scale, int zero, DType type)
    {
        RequireScale(c, scale);
        RequireOne(c, zero);
        if (c.Has(zero)) c.Require(zero, type);
    }

    /// <summary>Throws unless input <paramref name="i"/> is one f32.</summary>
    public static void RequireScale(InferContext c, int i)
    {
        c.Require(i, DType.F32);
        RequireOne(c, i);
    }

    /// <summary>Throws unless input <paramref name="i"/> has one element.</summary>
    public static void RequireOne(InferContext c, int i)
    {
        if (c.Has(i) && c.Shape(i).Elements != 1) throw new OperatorException($"input {i} has shape {c.Shape(i)}, expected one element");
    }
}
