using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// Terms multiplied one after the other, each by its own product: a base and its low-rank adapter, whose packed base any number of adapters share.
/// A term finds the sum of those before it in its epilogue.
/// </summary>
internal sealed unsafe record SumProduct(IReadOnlyList<LinearProduct> Terms, LinearMatrix W) : LinearProduct("linear-sum", Terms.All(t => t.IsExact))
{
    private const int Buffers = 2, Alignment = 64;

    public override bool TakesStrides => Terms.All(t => t.TakesStrides);

    /// <summary>With activations as they are, and with rounded ones where that is faster.</summary>
    public static IEnumerable<LinearProduct> Of(LinearMatrix m, WeightSum w, int rows)
    {
        // The first term is the largest: what comes last meets the node's epilogue and writes the result.
        SumProduct Sum(bool exactOnly) => new([.. w.Terms.Reverse().Select(t => LinearProducts.Fastest(m with { Weight = t }, rows, exactOnly))], m);
        var exact = Sum(true);
        // Of terms that have no product of their own one dense matrix is made.
        if (exact.Terms.All(t => t is DenseProduct)) yield break;
        yield return exact;
        if (Sum(false) is { IsExact: false } fast) yield return fast;
    }

    private const double BytesPerNanosecond = 20;

    public override double Nanoseconds(int rows) => Terms.Sum(t => t.Nanoseconds(rows)) + 8.0 * rows * W.Outputs * (Terms.Count - 1) / BytesPerNanosecond;

    private long Buffer(int rows) => Checked.AlignUp(Checked.Mul(sizeof(float), Checked.Mul(rows, W.Outputs)), Alignment);

    public override long WorkBytes(int rows) => Checked.Mul(Buffers, Buffer(rows)) + Terms.Max(t => t.WorkBytes(rows));

    public override LinearFn Bind(BindContext b, int input)
    {
        LinearFn[] terms = [.. Terms.Select(t => t.Bind(b, input))];
        return (Workers workers, int rows, in LinearRows io, byte* work) => workers.Together(new Body(terms, rows, W.Outputs, io, work, Buffer(rows)));
    }

    private readonly struct Body(LinearFn[] terms, int rows, int columns, LinearRows io, byte* buffers, long buffer) : ITeamBody
    {
        public void Run(Workers team)
        {
            float* sum = null;
            for (int i = 0; i < terms.Length; i++)
            {
                bool last = i == terms.Length - 1;
                float* to = (float*)(buffers + i % Buffers * buffer);
                var epilogue = last ? io.Epilogue : LinearEpilogue.None;
                epilogue.Sum = sum;
                epilogue.Columns = columns;
                terms[i](team, rows, last ? io with { Epilogue = epilogue } : io with { Y = (nint)to, Stride = columns, Epilogue = epilogue }, buffers + Buffers * buffer);
                sum = to;
            }
        }
    }
}
