using System.Numerics;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// Einsum, two operands at a time from the left. A pair whose labels fall into batch, rows, columns and sums becomes permutations around
/// a batched product; any other runs label by label.
/// </summary>
internal static class EinsumCpu
{
    public static StepFn Bind(Einsum op, BindContext b)
    {
        var shapes = Enumerable.Range(0, b.InputCount).Select(i => b.In(i).Shape).ToArray();
        return Dispatch.Number(b, new Binder(b, op.Geometry(shapes)));
    }

    private readonly struct Binder(BindContext b, EinsumGeometry g) : INumberBinder
    {
        public StepFn Bind<T>() where T : unmanaged, INumber<T> => Chain<T>(b, g);

        private static unsafe StepFn Chain<T>(BindContext b, EinsumGeometry g) where T : unmanaged, INumber<T>
        {
            int rank = g.Output.Rank, operands = g.Strides.Length;
            var left = g.Strides[0];
            var zero = new long[g.Dims.Length];
            var steps = new List<EinsumStep<T>>();
            for (int i = 1; i < operands || steps.Count == 0; i++)
            {
                var right = i < operands ? g.Strides[i] : zero;
                // What a later operand or the output still needs is kept, in the order of labels; the rest is summed now.
                int[] Labels(Func<int, bool> keep) => [.. Enumerable.Range(0, g.Dims.Length).Where(l => keep(l) && (l < rank && i >= operands - 1 || left[l] != 0 || right[l] != 0))];
                bool Needed(int l) => l < rank || g.Strides.Skip(i + 1).Any(s => s[l] != 0);
                int[] kept = Labels(Needed), summed = Labels(l => !Needed(l)), all = [.. kept, .. summed];
                long[] Pick(long[] from) => [.. all.Select(l => from[l])];
                var step = new EinsumStep<T>(b, Pick(g.Dims), kept.Length, Pick(left), i < operands ? Pick(right) : null, i, i >= operands - 1);
                steps.Add(step);
                var next = new long[g.Dims.Length];
                long stride = 1;
                foreach (int l in kept.Reverse())
                {
                    next[l] = g.Dims[l] == 1 ? 0 : stride;
                    stride = Checked.Mul(stride, g.Dims[l]);
                }
                left = next;
            }
            var chain = steps.ToArray();
            return (in StepContext c) =>
            {
                T* x = (T*)c.InPointer(0);
                foreach (var s in chain) x = s.Run(c, x);
            };
        }
    }
}

/// <summary>One product of two operands, or the sum of one.</summary>
internal sealed unsafe class EinsumStep<T> where T : unmanaged, INumber<T>
{
    private readonly long[] _dims, _left, _right;
    private readonly int _rank, _operand, _result;
    private readonly bool _pair;
    private readonly long _count;
    private readonly Product? _product;

    /// <summary>
    /// <paramref name="rank"/> labels are kept, the others summed; <paramref name="right"/> are strides of input <paramref name="operand"/>.
    /// </summary>
    public EinsumStep(BindContext b, long[] dims, int rank, long[] left, long[]? right, int operand, bool last)
    {
        (_dims, _rank, _left, _right, _operand, _pair) = (dims, rank, left, right ?? new long[dims.Length], operand, right is not null);
        _count = new Shape(dims.AsSpan(0, rank)).Count;
        _result = last ? -1 : b.Work(Checked.Mul(_count, sizeof(T)));
        if (_pair && _count > 0 && !dims.Contains(0)) _product = Product.TryMake(b, dims, rank, left, _right);
    }

    /// <summary>Returns where the result lies.</summary>
    public T* Run(in StepContext c, T* x)
    {
        T* w = _pair ? (T*)c.InPointer(_operand) : null, y = _result < 0 ? (T*)c.OutPointer(0) : (T*)c.WorkPointer(_result);
        if (_product is not null) _product.Run(c, x, w, y, (int)_count);
        else if (_count > 0) EinsumLoop.Run(c.Workers, _dims, _rank, x, _left, w, _right, y);
        return y;
    }

    /// <summary>[batch, M, K] · [batch, K, N], each operand copied into that order first and the result copied out of it last, where needed.</summary>
    private sealed class Product
    {
        private readonly MatMulGeometry _g;
        private readonly (long[] Dims, long[] Strides) _left, _right, _out;
        private readonly int _leftWork = -1, _rightWork = -1, _outWork = -1, _packWork = -1;

        public static Product? TryMake(BindContext b, long[] dims, int rank, long[] left, long[] right)
        {
            var labels = Enumerable.Range(0, dims.Length).Where(l => dims[l] != 1).ToArray();
            bool Single(int l) => left[l] == 0 || right[l] == 0;
            return labels.Any(l => l >= rank && Single(l)) ? null : new Product(b, dims, rank, left, right, labels);
        }

        private Product(BindContext b, long[] dims, int rank, long[] left, long[] right, int[] labels)
        {
            int[] batch = [.. labels.Where(l => l < rank && left[l] != 0 && right[l] != 0)], rows = [.. labels.Where(l => l < rank && right[l] == 0)];
            int[] columns = [.. labels.Where(l => l < rank && left[l] == 0)], sums = [.. labels.Where(l => l >= rank)];
            long Size(int[] ls) => ls.Aggregate(1L, (n, l) => Checked.Mul(n, dims[l]));
            var (s, m, n, k) = (Size(batch), Size(rows), Size(columns), Size(sums));
            _g = MatMulGeometry.Of(new Shape(s, m, k), new Shape(s, k, n));
            var output = new Shape(dims.AsSpan(0, rank)).Strides();
            (long[], long[]) View(IEnumerable<int> order, long[] strides) => ([.. order.Select(l => dims[l])], [.. order.Select(l => strides[l])]);
            _left = View([.. batch, .. rows, .. sums], left);
            _right = View([.. batch, .. sums, .. columns], right);
            // The result in the output's order, read from the product's own.
            int[] made = [.. batch, .. rows, .. columns];
            var own = new Shape([.. made.Select(l => dims[l])]).Strides();
            _out = ([.. made.Order().Select(l => dims[l])], [.. made.Order().Select(l => own[Array.IndexOf(made, l)])]);
            int Reserve((long[] Dims, long[] Strides) v, long count) => IsRowMajor(v) ? -1 : b.Work(Checked.Mul(count, sizeof(T)));
            _leftWork = Reserve(_left, Checked.Mul(Checked.Mul(s, m), k));
            _rightWork = Reserve(_right, Checked.Mul(Checked.Mul(s, k), n));
            _outWork = Reserve(_out, _g.Output.Elements);
            if (typeof(T) == typeof(float)) _packWork = b.Work(MatMulCpu.PackedBytes(_g));
        }

        private static bool IsRowMajor((long[] Dims, long[] Strides) v) => new Shape(v.Dims).Strides().AsSpan().SequenceEqual(v.Strides);

        public void Run(in StepContext c, T* x, T* w, T* y, int count)
        {
            x = Copy(c, _leftWork, _left, x);
            w = Copy(c, _rightWork, _right, w);
            T* z = _outWork < 0 ? y : (T*)c.WorkPointer(_outWork);
            if (typeof(T) == typeof(float)) MatMulCpu.Run(c.Workers, _g, (float*)x, (float*)w, (float*)c.WorkPointer(_packWork), (float*)z);
            else MatMulCpu.Run(c.Workers, _g, x, w, z);
            if (_outWork >= 0) StridedCopy.Run(c.Workers, new ReadOnlySpan<T>(z, count), 0, _out.Dims, _out.Strides, new Span<T>(y, count));
        }

        private static T* Copy(in StepContext c, int work, (long[] Dims, long[] Strides) v, T* from)
        {
            if (work < 0) return from;
            var to = c.Work<T>(work);
            StridedCopy.Run(c.Workers, new ReadOnlySpan<T>(from, int.MaxValue), 0, v.Dims, v.Strides, to);
            return (T*)c.WorkPointer(work);
        }
    }
}
