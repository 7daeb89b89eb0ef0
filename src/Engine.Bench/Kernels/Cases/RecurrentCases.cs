using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>A step of a recurrent layer for all sequences of a batch, the input's part of the gates given.</summary>
internal static unsafe class RecurrentCases
{
    private static readonly string[] s_shapes = ["1x128", "1x512", "16x256"];

    public static IEnumerable<KernelFamily> All => [Step(RecurrentF32.Lstm, 4), Step(RecurrentF32.Gru, 3)];

    // Weights, the gates' sums, the state before and after, and the cells, which are read and written.
    private static KernelFamily Step(KernelTable<RecurrentF32.Fn> table, int gates) =>
        new(table.Stem, [table], "rows x hidden", s_shapes, d => new(LimitKind.F32, 2.0 * d[0] * gates * d[1] * d[1], 4.0 * ((double)gates * d[1] * d[1] + (double)d[0] * d[1] * (gates == 4 ? 8 : 5))), (d, workers) =>
        {
            var (rows, hidden) = (d[0], d[1]);
            Tensor x = Operand.Random(1, rows, gates * hidden), h = Operand.Random(2, rows, hidden), c = Operand.Random(3, rows, hidden), w = Operand.Map(Operand.Random(4, gates * hidden, hidden), v => v / Math.Sqrt(hidden));
            Tensor y = Operand.Zeros(rows, hidden), packed = Operand.Zeros(RecurrentF32.PackedLength(gates, hidden, hidden));
            RecurrentF32.Pack(gates, hidden, hidden, (float*)w.Pointer, (float*)packed.Pointer);
            return new(() => RecurrentF32.Run(workers, table.Best, gates, new RecurrentStep
            {
                Weights = (float*)packed.Pointer,
                Hidden = hidden,
                Rows = rows,
                X = (float*)x.Pointer,
                H = (float*)h.Pointer,
                Next = (float*)y.Pointer,
                C = (float*)c.Pointer,
                XRow = gates * hidden,
                HRow = hidden,
                NextRow = hidden,
            }), () => y);
        });
}
