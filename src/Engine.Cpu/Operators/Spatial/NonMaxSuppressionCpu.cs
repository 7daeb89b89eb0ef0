using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class NonMaxSuppressionCpu
{
    public static void Run(NonMaxSuppression op, DynamicContext c)
    {
        Tensor boxes = c.Tensor(0), scores = c.Tensor(1);
        Shape b = boxes.Shape, s = scores.Shape;
        if (b.Rank != 3 || s.Rank != 3 || b[2] != 4 || b[0] != s[0] || b[1] != s[2]) throw new OperatorException($"boxes {b} and scores {s} do not fit, expected [B,N,4] and [B,C,N]");
        if (boxes.DType != DType.F32 || scores.DType != DType.F32) throw new OperatorException($"boxes {boxes.DType.Display()} and scores {scores.DType.Display()} must be f32");
        long limit = c.Has(2) ? Scalar<long>(c.Tensor(2)) : 0;
        float iou = c.Has(3) ? Scalar<float>(c.Tensor(3)) : 0, least = c.Has(4) ? Scalar<float>(c.Tensor(4)) : float.NegativeInfinity;
        var chosen = new List<long>();
        int batches = s.Int(0), classes = s.Int(1), count = s.Int(2);
        var corners = new Box[count];
        for (int n = 0; n < batches && limit > 0; n++)
        {
            for (int i = 0; i < count; i++) corners[i] = Box.Of(boxes.Span<float>().Slice((n * count + i) * 4, 4), op.CenterPointBox);
            for (int k = 0; k < classes; k++)
            {
                c.Cancellation.ThrowIfCancellationRequested();
                Select(corners, scores.Span<float>().Slice((n * classes + k) * count, count), limit, iou, least, n, k, chosen, c.Cancellation);
            }
        }
        var y = c.Allocate(DType.I64, new Shape(chosen.Count / 3, 3));
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(chosen).CopyTo(y.Span<long>());
        c.Set(0, y);
    }

    private static void Select(Box[] corners, ReadOnlySpan<float> scores, long limit, float iou, float least, int batch, int cls, List<long> chosen, CancellationToken cancellation)
    {
        var order = new List<int>();
        for (int i = 0; i < scores.Length; i++) if (scores[i] > least) order.Add(i);
        var keys = new float[order.Count];
        for (int i = 0; i < keys.Length; i++) keys[i] = -scores[order[i]];
        var items = order.ToArray();
        // Best score first; equal scores by their place.
        Array.Sort(keys, items);
        for (int i = 0, j; i < keys.Length; i = j)
        {
            for (j = i + 1; j < keys.Length && keys[j] == keys[i]; j++) { }
            Array.Sort(items, i, j - i);
        }
        var kept = new List<int>();
        foreach (int i in items)
        {
            if (kept.Count >= limit) break;
            cancellation.ThrowIfCancellationRequested();
            bool free = true;
            foreach (int k in kept)
                if (corners[i].Overlap(corners[k]) > iou)
                {
                    free = false;
                    break;
                }
            if (!free) continue;
            kept.Add(i);
            chosen.AddRange([batch, cls, i]);
        }
    }

    private static T Scalar<T>(Tensor t) where T : unmanaged =>
        t.Shape.Elements == 1 && DTypeOf<T>.Fits(t.DType) ? t.Span<T>()[0] : throw new OperatorException($"expected one {DTypeOf<T>.Value.Display()}, got {t}");

    private readonly record struct Box(float X1, float Y1, float X2, float Y2)
    {
        public static Box Of(ReadOnlySpan<float> v, bool center) => center
            ? new(v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2)
            : new(Math.Min(v[1], v[3]), Math.Min(v[0], v[2]), Math.Max(v[1], v[3]), Math.Max(v[0], v[2]));

        private float Area => (X2 - X1) * (Y2 - Y1);

        public float Overlap(Box o)
        {
            float w = Math.Min(X2, o.X2) - Math.Max(X1, o.X1), h = Math.Min(Y2, o.Y2) - Math.Max(Y1, o.Y1);
            if (!(w > 0 && h > 0) || Area <= 0 || o.Area <= 0) return 0;
            return w * h / (Area + o.Area - w * h);
        }
    }
}
