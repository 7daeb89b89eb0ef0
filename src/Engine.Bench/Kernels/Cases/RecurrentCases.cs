using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>A recurrent layer over some steps for all sequences of a batch. The input is one number, so that its part of the gates, which is given, is nothing beside the states' part.</summary>
internal static unsafe class RecurrentCases
{
    private static readonly string[] s_shapes = ["1x1x128", "32x1x512", "32x16x256"];

    public static IEnumerable<KernelFamily> All => [Layer(RecurrentF32.Lstm, "LSTM", 4), Layer(RecurrentF32.Gru, "GRU", 3)];

    private static KernelFamily Layer(KernelTable<RecurrentF32.Fn> table, string op, int gates) => new(table.Stem, [table], "steps x rows x hidden", s_shapes, d => Work(d, gates), (d, workers) =>
    {
        var (steps, rows, hidden) = (d[0], d[1], d[2]);
        int columns = gates * hidden;
        Tensor x = Operand.Random(1, steps, rows, 1), h = Operand.Random(2, 1, rows, hidden), c = Operand.Random(3, 1, rows, hidden), input = Operand.Random(4, 1, columns, 1), w = Operand.Map(Operand.Random(5, 1, columns, hidden), v => v / Math.Sqrt(hidden));
        Tensor y = Operand.Zeros(steps, 1, rows, hidden), sums = Operand.Zeros(steps, rows, columns), cells = Operand.Zeros(rows, hidden), packed = Operand.Zeros(RecurrentF32.PackedLength(gates, hidden, hidden));
        for (int i = 0; i < sums.Shape.Count; i++) sums.Span<float>()[i] = x.Span<float>()[i / columns] * input.Span<float>()[i % columns];
        RecurrentF32.Pack(gates, hidden, hidden, (float*)w.Pointer, (float*)packed.Pointer);
        var lengths = Tensor.Allocate(DType.I32, new Shape(rows));
        lengths.Span<int>().Fill(steps);
        Tensor[] operands = [x, input, w, Operand.Zeros(1, 2 * columns), lengths, h];
        return new(() =>
        {
            c.Bytes.CopyTo(cells.Bytes);
            var step = new RecurrentStep { Weights = (float*)packed.Pointer, Hidden = hidden, Rows = rows, H = (float*)h.Pointer, C = (float*)cells.Pointer, XRow = columns, HRow = hidden, NextRow = hidden };
            for (int t = 0; t < steps; t++, step.H = step.Next)
            {
                step.X = (float*)sums.Pointer + (nint)t * rows * columns;
                step.Next = (float*)y.Pointer + (nint)t * rows * hidden;
                RecurrentF32.Run(workers, table.Best, gates, step);
            }
        }, () => y, gates == 4 ? Operand.Node(op, [.. operands, c], y, ("hidden_size", (long)hidden)) : Operand.Node(op, operands, y, ("hidden_size", (long)hidden), ("linear_before_reset", 1L)));
    });

    // Weights and the states before, then a step's gates and its result.
    private static KernelWork Work(int[] d, int gates)
    {
        double weights = (double)gates * d[2] * d[2], states = (double)d[1] * d[2];
        return new(LimitKind.F32, 2.0 * d[0] * d[1] * weights, 4.0 * (weights + (gates - 2) * states + d[0] * (gates + 1) * states));
    }
}
