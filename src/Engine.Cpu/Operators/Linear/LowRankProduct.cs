using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// y = (x · V) · U for a matrix of two thin factors, whatever the factors' forms: one start of the threads, and what lies between stays in the cache.
/// The first ranks of both factors are a prefix of their packed form, so that every rank shares it.
/// </summary>
internal sealed unsafe record LowRankProduct(LinearProduct First, LinearProduct Second, int Rank) : LinearProduct("low-rank", First.IsExact && Second.IsExact)
{
    // Bytes of the activations of all ranks at once; whole blocks of rows as products have them.
    private const int MostRankBytes = 1 << 20, RowBlock = 64;

    private const int Alignment = 64;

    /// <summary>What is done to the ranks' activations.</summary>
    public Activation Between { get; init; } = Activation.None;

    /// <summary>The operand that holds the second factor; the first's where none is named.</summary>
    public int? SecondInput { get; init; }

    public override bool TakesStrides => First.TakesStrides;

    /// <summary>With activations as they are, and with rounded ones where that is faster.</summary>
    public static IEnumerable<LinearProduct> Of(LinearMatrix m, LowRank w, int rows)
    {
        if (w.Rank == 0 || w.U.Shape.Rank != 2 || w.V.Shape.Rank != 2) yield break;
        // Both factors have ranks first: the one of the inputs lies as its sums run, the other across them.
        var (inputs, outputs) = m.IsTransposed ? (w.U, w.V) : (w.V, w.U);
        var first = new LinearMatrix(inputs, false, m.Inputs, w.Rank);
        var second = new LinearMatrix(outputs, true, w.Rank, m.Outputs);
        var exact = new LowRankProduct(LinearProducts.Fastest(first, rows, true), LinearProducts.Fastest(second, rows, true), w.Rank);
        yield return exact;
        var fast = new LowRankProduct(LinearProducts.Fastest(first, rows, false), LinearProducts.Fastest(second, rows, false), w.Rank);
        if (!fast.IsExact) yield return fast;
    }

    public override double Nanoseconds(int rows) => First.Nanoseconds(rows) + Second.Nanoseconds(rows);

    // Fewer rows at once, where all of them would leave the cache.
    private int Block(int rows) => Math.Min(rows, Math.Max(RowBlock, MostRankBytes / sizeof(float) / Rank / RowBlock * RowBlock));

    private long RankBytes(int rows) => Checked.AlignUp(Checked.Mul(Checked.Mul(Block(rows), Rank), sizeof(float)), Alignment);

    public override long WorkBytes(int rows) => Checked.AlignUp(RankBytes(rows) + Math.Max(First.WorkBytes(Block(rows)), Second.WorkBytes(Block(rows))), Alignment);

    public override LinearFn Bind(BindContext b, int input)
    {
        var (first, second) = (First.Bind(b, input), Second.Bind(b, SecondInput ?? input));
        LinearEpilogue.Step[] between = Between == Activation.None ? [] : [new(Between, -1, false)];
        return (Workers workers, int rows, in LinearRows io, byte* work) => workers.Together(new Factors(first, second, between, rows, Block(rows), Rank, io, work + RankBytes(rows), (float*)work));
    }

    private readonly struct Factors(LinearFn first, LinearFn second, LinearEpilogue.Step[] between, int rows, int block, int rank, LinearRows io, byte* work, float* ranks) : ITeamBody
    {
        public void Run(Workers team)
        {
            for (int row = 0; row < rows; row += block)
            {
                var part = io.From(row);
                int count = Math.Min(block, rows - row);
                first(team, count, part with { Y = (nint)ranks, Stride = rank, Epilogue = new LinearEpilogue(between) }, work);
                second(team, count, part with { X = (nint)ranks, RowStride = rank, ColumnStride = 1 }, work);
            }
        }
    }
}
