using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// How operands are read to fill an output in row-major order: axes merged as far as every operand allows, and rows along the last.
/// Along a row an operand's stride is 1, or 0 where it repeats one element.
/// </summary>
public sealed class BroadcastPlan
{
    private readonly long[] _dims;
    private readonly long[][] _strides;

    /// <summary>Plans the reading of row-major operands; each must fit the output by NumPy's rule.</summary>
    public BroadcastPlan(Shape output, params ReadOnlySpan<Shape> operands)
    {
        Elements = output.Count;
        var dims = new List<long>();
        var strides = new List<long>[operands.Length];
        var step = new long[operands.Length];
        for (int k = 0; k < operands.Length; k++)
        {
            if (Shape.Broadcast(output, operands[k]) != output) throw new OperatorException($"shape {operands[k]} does not broadcast to {output}");
            (strides[k], step[k]) = ([], 1);
        }
        // From the innermost axis out: an axis joins the one inside it when no operand would notice.
        for (int axis = 1; axis <= output.Rank; axis++)
        {
            long d = output[-axis];
            bool joins = dims.Count > 0;
            var s = new long[operands.Length];
            for (int k = 0; k < operands.Length; k++)
            {
                long own = axis <= operands[k].Rank ? operands[k][-axis] : 1;
                s[k] = own == 1 ? 0 : step[k];
                step[k] *= own;
                if (dims.Count > 0) joins &= s[k] == strides[k][^1] * dims[^1];
            }
            if (d == 1) continue;
            if (joins)
            {
                dims[^1] *= d;
                continue;
            }
            dims.Add(d);
            for (int k = 0; k < operands.Length; k++) strides[k].Add(s[k]);
        }
        if (dims.Count == 0)
        {
            dims.Add(1);
            foreach (var s in strides) s.Add(1);
        }
        dims.Reverse();
        _dims = [.. dims];
        _strides = new long[operands.Length][];
        for (int k = 0; k < operands.Length; k++)
        {
            strides[k].Reverse();
            _strides[k] = [.. strides[k]];
        }
    }

    /// <summary>Elements of the output.</summary>
    public int Elements { get; }

    /// <summary>Elements of a row.</summary>
    public int Inner => (int)_dims[^1];

    /// <summary>Number of operands.</summary>
    public int Operands => _strides.Length;

    /// <summary>Stride of operand <paramref name="k"/> along a row: 0 or 1.</summary>
    public int InnerStride(int k) => (int)_strides[k][^1];

    /// <summary>Runs <paramref name="body"/> on every row, over the pool; a long row may come in pieces.</summary>
    public void ForRows<TBody>(Workers workers, TBody body) where TBody : struct, IRowBody => workers.For(Elements, UnaryLoop.Grain, new Rows<TBody>(this, body));

    private readonly struct Rows<TBody>(BroadcastPlan plan, TBody body) : IParallelBody where TBody : struct, IRowBody
    {
        public void Run(int start, int end)
        {
            int outer = plan._dims.Length - 1, inner = plan.Inner, operands = plan.Operands;
            Span<long> index = stackalloc long[outer], at = stackalloc long[operands], from = stackalloc long[operands];
            at.Clear();
            long rest = start / inner;
            int column = start % inner;
            for (int i = outer - 1; i >= 0; i--)
            {
                index[i] = rest % plan._dims[i];
                rest /= plan._dims[i];
                for (int k = 0; k < operands; k++) at[k] += index[i] * plan._strides[k][i];
            }
            while (start < end)
            {
                int n = Math.Min(inner - column, end - start);
                for (int k = 0; k < operands; k++) from[k] = at[k] + (long)column * plan.InnerStride(k);
                body.Row(from, start, n);
                (start, column) = (start + n, 0);
                for (int i = outer - 1; i >= 0; i--)
                {
                    bool carry = ++index[i] == plan._dims[i];
                    for (int k = 0; k < operands; k++) at[k] += carry ? plan._strides[k][i] * (1 - plan._dims[i]) : plan._strides[k][i];
                    if (!carry) break;
                    index[i] = 0;
                }
            }
        }
    }
}

/// <summary>Work on one row of a <see cref="BroadcastPlan"/>.</summary>
public interface IRowBody
{
    /// <summary>Computes <paramref name="count"/> elements from output element <paramref name="y"/> on; operand k starts at element <paramref name="operands"/>[k].</summary>
    void Row(ReadOnlySpan<long> operands, int y, int count);
}
