using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>A wire as elements of another one: element (i, j, …) is Root[Offset + Σ index · stride] · Factor.</summary>
internal sealed record StridedView(Value Root, long Offset, long[] Dims, long[] Strides, float Factor = 1)
{
    /// <summary>The same elements under another shape, or null where their order in memory does not allow it.</summary>
    public StridedView? Reshape(long[] to)
    {
        var strides = new long[to.Length];
        for (int from = 0, at = 0; from < Dims.Length || at < to.Length;)
        {
            // A group of axes on either side that holds equally many elements.
            int fromEnd = from, atEnd = at;
            long old = 1, made = 1;
            do
            {
                if (old <= made && fromEnd < Dims.Length) old *= Dims[fromEnd++];
                else if (atEnd < to.Length) made *= to[atEnd++];
                else return null;
            }
            while (old != made);
            while (fromEnd < Dims.Length && Dims[fromEnd] == 1) fromEnd++;
            while (atEnd < to.Length && to[atEnd] == 1) atEnd++;
            long step = 0, next = 0;
            bool any = false;
            for (int i = fromEnd - 1; i >= from; i--)
            {
                if (Dims[i] == 1) continue;
                if (any && Strides[i] != next) return null;
                if (!any) step = Strides[i];
                (any, next) = (true, Strides[i] * Dims[i]);
            }
            for (int i = atEnd - 1; i >= at; i--)
            {
                strides[i] = to[i] == 1 ? 0 : step;
                step *= to[i];
            }
            (from, at) = (fromEnd, atEnd);
        }
        return this with { Dims = to, Strides = strides };
    }
}

/// <summary>Looks through operators that only rename elements, to the wire that holds them.</summary>
internal sealed class StridedViews(SegmentGraph graph)
{
    /// <summary>The wire as elements of the farthest one; where <paramref name="scaled"/> is set, products with a known number are looked through as well.</summary>
    public StridedView Of(Value v, bool scaled = false)
    {
        var shape = TypeOf(v)!.Shape;
        var own = new StridedView(v, 0, shape.ToArray(), shape.Strides());
        if (shape.Elements == 0 || graph.Producer(v) is not { Inputs.Length: > 0 } n || n.Inputs[0] is not { } x) return own;
        return Through(n, x, v, shape, scaled) ?? own;
    }

    private StridedView? Through(LoweredNode n, Value x, Value v, Shape shape, bool scaled)
    {
        switch (n.Node.Op)
        {
            case { Kind: OperatorKind.View }:
                return Of(x, scaled).Reshape(shape.ToArray());
            case Transpose t:
                var source = Of(x, scaled);
                var order = t.Permutation(source.Dims.Length);
                return source with { Dims = [.. order.Select(i => source.Dims[i])], Strides = [.. order.Select(i => source.Strides[i])] };
            case Expand:
                return Broadcast(Of(x, scaled), shape);
            case Gather g when Scalar(n.Inputs[1]) is { } index:
                var whole = Of(x, scaled);
                int axis = g.Axis(new Shape(whole.Dims));
                long at = index < 0 ? index + whole.Dims[axis] : index;
                if (TypeOf(n.Inputs[1]!)!.Shape.Rank > 0 || at < 0 || at >= whole.Dims[axis]) return null;
                return whole with { Offset = whole.Offset + at * whole.Strides[axis], Dims = Without(whole.Dims, axis), Strides = Without(whole.Strides, axis) };
            case Split s:
                return Part(s, n, x, v, shape, scaled);
            case Mul or Div when scaled:
                int number = graph.Number(n.Inputs[1]) is null && n.Node.Op is Mul ? 0 : 1;
                if (graph.Number(n.Inputs[number]) is not { } factor || n.Inputs[1 - number] is not { } scaledWire || TypeOf(scaledWire)?.Shape != shape) return null;
                var view = Of(scaledWire, true);
                return view with { Factor = n.Node.Op is Div ? view.Factor / factor : view.Factor * factor };
            default:
                return null;
        }
    }

    private StridedView? Part(Split s, LoweredNode n, Value x, Value v, Shape shape, bool scaled)
    {
        var whole = Of(x, scaled);
        int axis = s.Axis(new Shape(whole.Dims));
        long before = 0;
        for (int i = 0; n.Outputs[i] != v; i++)
        {
            if (n.OutTypes[i] is not { } part) return null;
            before += part.Shape[axis];
        }
        return whole with { Offset = whole.Offset + before * whole.Strides[axis], Dims = shape.ToArray() };
    }

    /// <summary>A view repeated along axes of length 1 and new leading ones.</summary>
    public static StridedView Broadcast(StridedView v, Shape to)
    {
        var strides = new long[to.Rank];
        for (int i = 1; i <= v.Dims.Length; i++) strides[^i] = v.Dims[^i] == 1 ? 0 : v.Strides[^i];
        return v with { Dims = to.ToArray(), Strides = strides };
    }

    private TensorType? TypeOf(Value v) => Fusion.TypeOf(v, graph.Segment);

    private long? Scalar(Value? v) => v is null ? null : (v.ConstantTensor ?? graph.Segment.Known.GetValueOrDefault(v)) is { DType: DType.I64 or DType.I32, Shape.Elements: 1 } t ? t.ToLongs()[0] : null;

    private static long[] Without(long[] list, int at) => [.. list.Where((_, i) => i != at)];
}
