using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>Rules for scales and zero points of integer matrix products.</summary>
internal static class ProductRules
{
    /// <summary>Throws unless input <paramref name="i"/>, where given, has one element or one a row of A (of every batch).</summary>
    public static void RowsFit(InferContext c, int i, MatMulGeometry g)
    {
        if (!c.Has(i) || c.Shape(i).Elements == 1) return;
        var a = c.Shape(i);
        long n = a.Elements, rows = (long)g.M * g.Batch, last = g.Output.Rank > 1 ? g.Output[-2] : 1;
        if (n == 0 || n != rows && n != last || a.Rank > 1 && a[-1] != 1) throw new OperatorException($"input {i} of shape {a} does not fit the rows of a result {g.Output}");
    }

    /// <summary>Throws unless input <paramref name="i"/>, where given, has one element or one a column of B (of every distinct matrix).</summary>
    public static void ColumnsFit(InferContext c, int i, MatMulGeometry g)
    {
        if (!c.Has(i) || c.Shape(i).Elements == 1) return;
        var b = c.Shape(i);
        if (b.Elements == 0 || b.Elements != g.N && b.Elements != (long)g.N * g.BStarts.Length || b.Rank > 1 && b[-1] != g.N) throw new OperatorException($"input {i} of shape {b} does not fit the columns of a result {g.Output}");
    }
}
