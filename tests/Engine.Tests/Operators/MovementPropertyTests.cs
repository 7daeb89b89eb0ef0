using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Movement operators on random shapes against loops over coordinates, on one thread and on three.</summary>
public sealed class MovementPropertyTests : IDisposable
{
    private readonly Workers _three = new(3, 0);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    public void Dispose() => _three.Dispose();

    [Theory, MemberData(nameof(Seeds))]
    public void Transpose(int seed)
    {
        var r = new Random(seed);
        var x = Naive.Ramp(Naive.RandomShape(r, r.Next(0, 6), zeros: true));
        var perm = Enumerable.Range(0, x.Shape.Rank).Select(i => (long)i).ToArray();
        r.Shuffle(perm);
        var y = One("Transpose", 13, [x], new() { ["perm"] = perm });
        Assert.Equal(perm.Select(p => x.Shape[(int)p]), y.Shape.ToArray());
        Check(y, c =>
        {
            var from = new long[c.Length];
            for (int i = 0; i < c.Length; i++) from[perm[i]] = c[i];
            return x.At<float>(from);
        });
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 300)]
    [InlineData(129, 65)]
    [InlineData(64, 64)]
    [InlineData(200, 3)]
    public void Transpose_of_matrices_in_every_width(int rows, int columns)
    {
        var x = Naive.Ramp(new Shape(2, rows, columns));
        foreach (var type in (DType[])[DType.F32, DType.F16, DType.U8, DType.F64])
        {
            var y = OpRunner.One("Transpose", 13, [Cast(x, type)], new() { ["perm"] = new long[] { 0, 2, 1 } }, workers: _three);
            var expected = Cast(Tensor.From(y.Shape, Naive.Build(y.Shape, c => x.At<float>(c[0], c[2], c[1]))), type);
            Assert.True(expected.Bytes.SequenceEqual(y.Bytes), type.Display());
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Slice(int seed)
    {
        var r = new Random(seed);
        var x = Naive.Ramp(Naive.RandomShape(r, r.Next(1, 5), zeros: true));
        var axes = Enumerable.Range(0, x.Shape.Rank).Where(_ => r.Next(3) > 0).Select(i => (long)i).ToArray();
        long[] Any() => [.. axes.Select(_ => r.Next(10) switch { 0 => long.MaxValue, 1 => long.MinValue, _ => r.NextInt64(-9, 10) })];
        long[] starts = Any(), ends = Any(), steps = [.. axes.Select(_ => r.Next(12) switch { 0 => long.MaxValue, 1 => long.MinValue, var v => v % 2 == 0 ? 1 + v / 4 : -1 - v / 4 })];
        var y = One("Slice", 13, [x, Tensor.Vector<long>(starts), Tensor.Vector<long>(ends), Tensor.Vector<long>([.. axes.Select(a => r.Next(2) == 0 ? a : a - x.Shape.Rank)]), Tensor.Vector<long>(steps)]);

        var picked = Enumerable.Range(0, x.Shape.Rank).Select(d => Enumerable.Range(0, (int)x.Shape[d]).Select(i => (long)i).ToList()).ToArray();
        for (int k = 0; k < axes.Length; k++) picked[axes[k]] = Positions(x.Shape[(int)axes[k]], starts[k], ends[k], steps[k]);
        Assert.Equal(picked.Select(p => (long)p.Count), y.Shape.ToArray());
        Check(y, c => x.At<float>([.. c.Select((i, d) => picked[d][(int)i])]));
    }

    private static List<long> Positions(long n, Int128 start, Int128 end, Int128 step)
    {
        var result = new List<long>();
        if (start < 0) start += n;
        if (end < 0) end += n;
        start = Int128.Max(0, Int128.Min(start, step > 0 ? n : n - 1));
        for (var i = start; i >= 0 && i < n && (step > 0 ? i < end : i > end); i += step) result.Add((long)i);
        return result;
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Pad(int seed)
    {
        var r = new Random(seed);
        string mode = ((string[])["constant", "reflect", "edge", "wrap"])[seed % 4];
        var x = Naive.Ramp(Naive.RandomShape(r, r.Next(0, 5)));
        int rank = x.Shape.Rank;
        var before = x.Shape.ToArray().Select(n => r.NextInt64(-(n / 2), 9)).ToArray();
        var after = x.Shape.ToArray().Select((n, d) => r.NextInt64(-Math.Max(0, (n - 1) / 2), 9)).ToArray();
        var y = One("Pad", 19, [x, Tensor.Vector<long>([.. before, .. after]), mode == "constant" ? Tensor.Scalar(-7f) : null], new() { ["mode"] = mode });
        Assert.Equal(x.Shape.ToArray().Select((n, d) => n + before[d] + after[d]), y.Shape.ToArray());
        Check(y, c =>
        {
            var from = new long[rank];
            for (int d = 0; d < rank; d++)
            {
                long low = Math.Max(0, -before[d]), high = x.Shape[d] - Math.Max(0, -after[d]), i = c[d] - before[d];
                if (mode == "constant" && (i < low || i >= high)) return -7;
                if (mode == "edge") i = Math.Clamp(i, low, high - 1);
                while (i < low || i >= high)
                    i = mode == "wrap" ? (i < low ? i + high - low : i - (high - low)) : high - low == 1 ? low : i < low ? 2 * low - i : 2 * (high - 1) - i;
                from[d] = i;
            }
            return x.At<float>(from);
        });
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Gather(int seed)
    {
        var r = new Random(seed);
        var x = Naive.Ramp(Naive.RandomShape(r, r.Next(1, 5), longest: 20));
        int axis = r.Next(x.Shape.Rank);
        var indices = Naive.Indices(r, Naive.RandomShape(r, r.Next(0, 3), zeros: true), x.Shape[axis]);
        var y = One("Gather", 13, [x, seed % 2 == 0 ? indices : Narrow(indices)], new() { ["axis"] = (long)axis - (seed % 3 == 0 ? x.Shape.Rank : 0) });
        int q = indices.Shape.Rank;
        Check(y, c => x.At<float>([.. c[..axis], Naive.Wrap(indices.At<long>(c[axis..(axis + q)]), x.Shape[axis]), .. c[(axis + q)..]]));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Gather_and_scatter_elements(int seed)
    {
        var r = new Random(seed);
        var x = Naive.Few(r, Naive.RandomShape(r, r.Next(1, 5), longest: 20));
        int axis = r.Next(x.Shape.Rank);
        var shape = new Shape([.. x.Shape.ToArray().Select((n, d) => d == axis ? r.NextInt64(0, 30) : r.NextInt64(1, n + 1))]);
        var indices = Naive.Indices(r, shape, x.Shape[axis]);
        var y = One("GatherElements", 13, [x, indices], new() { ["axis"] = (long)axis });
        long[] Place(long[] c)
        {
            long[] p = [.. c];
            p[axis] = Naive.Wrap(indices.At<long>(c), x.Shape[axis]);
            return p;
        }
        Check(y, c => x.At<float>(Place(c)));

        string reduction = ((string[])["none", "add", "mul", "min", "max"])[seed % 5];
        var updates = Naive.Few(r, shape);
        var expected = x.Clone();
        foreach (var c in Naive.Coordinates(shape)) Join(reduction, ref expected.Span<float>()[Naive.Offset(x.Shape, Place(c))], updates.At<float>(c));
        var z = One("ScatterElements", 18, [x, seed % 2 == 0 ? indices : Narrow(indices), updates], new() { ["axis"] = (long)axis, ["reduction"] = reduction });
        Assert.Equal(expected.Span<float>().ToArray(), z.Span<float>().ToArray());
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Gather_and_scatter_nd(int seed)
    {
        var r = new Random(seed);
        var x = Naive.Few(r, Naive.RandomShape(r, r.Next(1, 5)));
        int depth = r.Next(1, x.Shape.Rank + 1);
        var shape = new Shape([.. Naive.RandomShape(r, r.Next(0, 3), zeros: true).Dims, depth]);
        var indices = Tensor.Allocate(DType.I64, shape);
        foreach (var c in Naive.Coordinates(shape)) indices.Span<long>()[Naive.Offset(shape, c)] = r.NextInt64(-x.Shape[(int)c[^1]], x.Shape[(int)c[^1]]);
        int q = shape.Rank - 1;
        long[] Place(long[] c) => [.. Enumerable.Range(0, depth).Select(k => Naive.Wrap(indices.At<long>([.. c[..q], k]), x.Shape[k])), .. c[q..]];
        var y = One("GatherND", 13, [x, indices]);
        Check(y, c => x.At<float>(Place(c)));

        string reduction = ((string[])["none", "add", "mul", "min", "max"])[seed % 5];
        var updates = Naive.Few(r, y.Shape);
        var expected = x.Clone();
        foreach (var c in Naive.Coordinates(y.Shape)) Join(reduction, ref expected.Span<float>()[Naive.Offset(x.Shape, Place(c))], updates.At<float>(c));
        var z = One("ScatterND", 18, [x, indices, updates], new() { ["reduction"] = reduction });
        Assert.Equal(expected.Span<float>().ToArray(), z.Span<float>().ToArray());
    }

    [Theory, MemberData(nameof(Seeds))]
    public void TopK(int seed)
    {
        var r = new Random(seed);
        var x = Naive.Few(r, Naive.RandomShape(r, r.Next(1, 4), longest: 40), 1 + r.Next(30));
        if (seed % 5 == 0) x.Span<float>()[r.Next(x.Shape.Count)] = float.NaN;
        int axis = r.Next(x.Shape.Rank);
        bool largest = r.Next(2) == 0;
        long k = r.NextInt64(0, x.Shape[axis] + 1);
        Dictionary<string, object> attributes = new() { ["axis"] = (long)axis, ["largest"] = largest ? 1L : 0L };
        var results = OpRunner.Run("TopK", 11, [x, Tensor.Vector(k)], attributes, 2, workers: _three);
        Tensor values = (Tensor)results[0]!, indices = (Tensor)results[1]!;
        foreach (var c in Naive.Coordinates(x.Shape.With(axis, 1)))
        {
            long[] At(long i) => [.. c[..axis], i, .. c[(axis + 1)..]];
            // NaN is greater than all.
            float Key(long i) => x.At<float>(At(i)) is var v && float.IsNaN(v) ? float.PositiveInfinity : v;
            var all = Enumerable.Range(0, (int)x.Shape[axis]).Select(i => (long)i);
            var order = (largest ? all.OrderByDescending(Key) : all.OrderBy(Key)).Take((int)k).ToList();
            for (int i = 0; i < k; i++)
            {
                Assert.Equal(order[i], indices.At<long>(At(i)));
                Assert.Equal(x.At<float>(At(order[i])), values.At<float>(At(i)));
            }
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Split_undoes_concat(int seed)
    {
        var r = new Random(seed);
        var shape = Naive.RandomShape(r, r.Next(1, 5), zeros: true);
        int axis = r.Next(shape.Rank);
        var parts = Enumerable.Range(0, r.Next(1, 5)).Select(_ => Naive.Few(r, shape.With(axis, r.Next(0, 6)), 100)).ToList();
        var y = One("Concat", 13, [.. parts], new() { ["axis"] = (long)axis });
        long at = 0;
        var starts = parts.Select(p => (at += p.Shape[axis]) - p.Shape[axis]).ToList();
        Check(y, c =>
        {
            int i = starts.FindLastIndex(s => s <= c[axis]);
            return parts[i].At<float>([.. c[..axis], c[axis] - starts[i], .. c[(axis + 1)..]]);
        });
        var back = OpRunner.Run("Split", 13, [y, Tensor.Vector<long>([.. parts.Select(p => p.Shape[axis])])], new() { ["axis"] = (long)axis }, parts.Count, workers: _three);
        for (int i = 0; i < parts.Count; i++) Assert.Equal(parts[i].Span<float>().ToArray(), ((Tensor)back[i]!).Span<float>().ToArray());
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Tile_and_expand(int seed)
    {
        var r = new Random(seed);
        var x = Naive.Ramp(Naive.RandomShape(r, r.Next(0, 5), zeros: true));
        var y = One("Tile", 13, [x, Tensor.Vector<long>([.. Enumerable.Range(0, x.Shape.Rank).Select(_ => (long)r.Next(0, 4))])]);
        Check(y, c => x.At<float>([.. c.Select((i, d) => i % x.Shape[d])]));
        var target = Naive.RandomShape(r, r.Next(0, 2)).ToArray().Concat(x.Shape.ToArray().Select(n => r.Next(2) == 0 ? 1 : n == 1 ? 3 : n)).ToArray();
        var z = One("Expand", 13, [x, Tensor.Vector<long>(target)]);
        int extra = z.Shape.Rank - x.Shape.Rank;
        Check(z, c => x.At<float>([.. c.Skip(extra).Select((i, d) => x.Shape[d] == 1 ? 0 : i)]));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Unique_and_compress(int seed)
    {
        var r = new Random(seed);
        var x = Naive.Few(r, Naive.RandomShape(r, r.Next(1, 4)), 2);
        int axis = r.Next(x.Shape.Rank);
        bool sorted = seed % 2 == 0;
        var u = OpRunner.Run("Unique", 11, [x], new() { ["axis"] = (long)axis, ["sorted"] = sorted ? 1L : 0L }, 4).Cast<Tensor>().ToArray();
        string Row(Tensor t, long i) => string.Join(',', Naive.Coordinates(t.Shape.With(axis, 1)).Select(c => t.At<float>([.. c[..axis], i, .. c[(axis + 1)..]])));
        var rows = Enumerable.Range(0, (int)x.Shape[axis]).Select(i => Row(x, i)).ToList();
        var distinct = rows.Distinct().ToList();
        if (sorted) distinct.Sort(StringComparer.Ordinal);
        Assert.Equal(distinct, Enumerable.Range(0, (int)u[0].Shape[axis]).Select(i => Row(u[0], i)));
        Assert.Equal(distinct.Select(d => (long)rows.IndexOf(d)), u[1].Span<long>().ToArray());
        Assert.Equal(rows.Select(d => (long)distinct.IndexOf(d)), u[2].Span<long>().ToArray());
        Assert.Equal(distinct.Select(d => (long)rows.Count(e => e == d)), u[3].Span<long>().ToArray());

        var flags = Enumerable.Range(0, r.Next(0, (int)x.Shape[axis] + 1)).Select(_ => r.Next(2) == 0).ToArray();
        var y = OpRunner.One("Compress", 11, [x, Tensor.Vector<bool>(flags)], new() { ["axis"] = (long)axis });
        Assert.Equal(rows.Take(flags.Length).Where((_, i) => flags[i]), Enumerable.Range(0, (int)y.Shape[axis]).Select(i => Row(y, i)));
    }

    [Fact]
    public void Large_tensors_are_split_over_threads_alike()
    {
        var r = new Random(1);
        var x = Naive.Few(r, new Shape(3, 300, 257), 1000);
        Tensor rows = Naive.Indices(r, new Shape(900), 300), grid = Naive.Indices(r, x.Shape, 3), updates = Naive.Few(r, x.Shape);
        One("Transpose", 13, [x], new() { ["perm"] = new long[] { 2, 0, 1 } });
        One("Concat", 13, [x, x, updates], new() { ["axis"] = 1L });
        One("Gather", 13, [x, rows], new() { ["axis"] = 1L });
        One("GatherElements", 13, [x, grid]);
        One("ScatterElements", 18, [x, grid, updates], new() { ["reduction"] = "add" });
        One("ScatterND", 18, [x, Tensor.From(new Shape(5, 1), new long[] { 0, 1, 2, 1, 1 }), Naive.Few(r, new Shape(5, 300, 257))], new() { ["reduction"] = "mul" });
        One("Pad", 19, [x, Tensor.Vector<long>(5, 6, 7, 8, -9, 10)], new() { ["mode"] = "reflect" });
        One("Trilu", 14, [x]);
        One("TopK", 11, [x, Tensor.Vector(7L)]);
        One("OneHot", 11, [Naive.Indices(r, new Shape(3000), 64), Tensor.Scalar(64L), Tensor.Vector(0f, 1f)]);
        One("Tile", 13, [x, Tensor.Vector(2L, 1, 3)]);
    }

    private Tensor One(string op, int opset, IReadOnlyList<RuntimeValue?> inputs, Dictionary<string, object>? attributes = null)
    {
        var y = OpRunner.One(op, opset, inputs, attributes);
        var z = OpRunner.One(op, opset, inputs, attributes, workers: _three);
        Assert.True(y.Bytes.SequenceEqual(z.Bytes), "one thread and three differ");
        return y;
    }

    private static void Check(Tensor y, Func<long[], float> at) => Assert.Equal(Naive.Build(y.Shape, at), y.Span<float>().ToArray());

    private static void Join(string reduction, ref float there, float comes) => there = reduction switch
    {
        "add" => there + comes,
        "mul" => there * comes,
        "min" => Math.Min(there, comes),
        "max" => Math.Max(there, comes),
        _ => comes,
    };

    private static Tensor Narrow(Tensor t) => Tensor.From(t.Shape, t.Span<long>().ToArray().Select(v => (int)v).ToArray());

    private static Tensor Cast(Tensor x, DType type)
    {
        var v = x.Span<float>().ToArray();
        return type switch
        {
            DType.F16 => Tensor.From(x.Shape, v.Select(f => (Half)f).ToArray()),
            DType.U8 => Tensor.From(x.Shape, v.Select(f => (byte)((int)f * 7)).ToArray()),
            DType.F64 => Tensor.From(x.Shape, v.Select(f => (double)f).ToArray()),
            _ => x,
        };
    }
}
