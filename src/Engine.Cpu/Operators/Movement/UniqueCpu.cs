using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class UniqueCpu
{
    public static void Run(Unique op, DynamicContext c)
    {
        var x = c.Tensor(0);
        int axis = 0;
        if (op.Axis is { } a) axis = TensorMove.Axis(x.Shape, a);
        else x = x.Reshape(new Shape(x.Shape.Elements));
        int n = TensorMove.Bounded(x.Shape, x.Shape[axis]);
        var groups = new Groups(SortKeys.Of(x), x.Shape, axis);

        // Equal slices are neighbours once sorted; the first of them represents the rest.
        var order = new int[n];
        for (int i = 0; i < n; i++) order[i] = i;
        Array.Sort(order, groups);
        var first = new List<int>();
        var group = new int[n];
        for (int i = 0; i < n; i++)
        {
            if (i == 0 || groups.Compare(order[i - 1], order[i], false) != 0) first.Add(order[i]);
            group[order[i]] = first.Count - 1;
        }
        int[] place = new int[first.Count], shown = [.. first];
        for (int i = 0; i < place.Length; i++) place[i] = i;
        if (!op.Sorted)
        {
            Array.Sort(shown, place);
            place = Inverse(place);
        }

        c.Set(0, TensorMove.Take(c, x, axis, shown));
        var firstIndex = c.Allocate(DType.I64, new Shape(shown.Length));
        var inverse = c.Allocate(DType.I64, new Shape(n));
        var counts = c.Allocate(DType.I64, new Shape(shown.Length));
        for (int i = 0; i < shown.Length; i++) firstIndex.Span<long>()[i] = shown[i];
        for (int i = 0; i < n; i++)
        {
            int p = place[group[i]];
            inverse.Span<long>()[i] = p;
            counts.Span<long>()[p]++;
        }
        Tensor[] extra = [firstIndex, inverse, counts];
        for (int i = 1; i < c.Node.Outputs.Count; i++)
            if (i <= extra.Length && c.Node.Outputs[i] is not null) c.Set(i, extra[i - 1]);
    }

    private static int[] Inverse(int[] permutation)
    {
        var inverse = new int[permutation.Length];
        for (int i = 0; i < inverse.Length; i++) inverse[permutation[i]] = i;
        return inverse;
    }

    /// <summary>Slices along an axis in lexicographic order, equal ones by index.</summary>
    private sealed class Groups(ulong[] keys, Shape shape, int axis) : IComparer<int>
    {
        private readonly long _inner = shape.Product(axis + 1, shape.Rank), _pitch = shape.Product(axis, shape.Rank);

        public int Compare(int a, int b) => Compare(a, b, true);

        public int Compare(int a, int b, bool byIndex)
        {
            if (a == b) return 0;
            for (long block = 0; block < keys.Length; block += _pitch)
            {
                var x = keys.AsSpan((int)(block + a * _inner), (int)_inner);
                var y = keys.AsSpan((int)(block + b * _inner), (int)_inner);
                int order = x.SequenceCompareTo(y);
                if (order != 0) return order;
            }
            return byIndex ? a.CompareTo(b) : 0;
        }
    }
}
