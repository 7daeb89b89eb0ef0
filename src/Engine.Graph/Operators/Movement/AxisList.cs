using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>Axes as models give them, mapped to [0, rank) and checked.</summary>
internal static class AxisList
{
    /// <summary>One axis of a shape that has at least one.</summary>
    public static int One(Shape shape, long axis)
    {
        if (shape.Rank == 0) throw new OperatorException($"axis {axis} is outside a scalar");
        return shape.Axis(axis);
    }

    /// <summary>Distinct axes of <paramref name="rank"/>, in the order given.</summary>
    public static int[] Distinct(ReadOnlySpan<long> axes, int rank)
    {
        var result = new int[axes.Length];
        var seen = new bool[rank];
        for (int i = 0; i < axes.Length; i++)
        {
            long a = axes[i];
            if (a < -rank || a >= rank) throw new OperatorException($"axis {a} is outside [-{rank}, {rank - 1}]");
            result[i] = (int)(a < 0 ? a + rank : a);
            if (seen[result[i]]) throw new OperatorException($"axis {a} is given twice");
            seen[result[i]] = true;
        }
        return result;
    }
}
