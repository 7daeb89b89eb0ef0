using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Steps of recurrent layers.</summary>
internal static unsafe class RecurrentProperties
{
    public static IEnumerable<KernelProperty> All => [new(RecurrentF32.Lstm, 200, o => Step(RecurrentF32.Lstm, 4, o)), new(RecurrentF32.Gru, 200, o => Step(RecurrentF32.Gru, 3, o))];

    private static void Step(KernelTable<RecurrentF32.Fn> table, int gates, Operands o)
    {
        var r = o.Random;
        bool given = gates == 4 && r.Next(2) == 0;
        int hidden = r.Next(1, 50), rows = r.Next(1, 7), length = given ? r.Next(1, 20) : 0, xRow = given ? 0 : gates * hidden, n = rows * hidden;
        float* x = o.Floats(given ? gates * hidden : rows * gates * hidden), h = o.Floats(n), cells = o.Floats(n), extra = gates == 3 && r.Next(2) == 0 ? o.Floats(hidden) : null, input = given ? o.Floats(rows * length) : null;
        float* weights = Packed(hidden), inputWeights = given ? Packed(length) : null, expected = Run("scalar", out float* expectedCells);
        foreach (string tier in KernelProperty.Fast(table))
        {
            float* y = Run(tier, out float* c);
            KernelProperty.AssertClose($"{table.Stem} {tier} {rows}x{hidden}", expected, y, null, n, 2e-5);
            if (gates == 4) KernelProperty.AssertClose($"{table.Stem} {tier} {rows}x{hidden} cells", expectedCells, c, null, n, 2e-5);
        }

        float* Packed(int k)
        {
            float* packed = o.Take<float>((int)RecurrentF32.PackedLength(gates, hidden, k));
            RecurrentF32.Pack(gates, hidden, k, o.Floats(gates * hidden * k), packed);
            return packed;
        }

        float* Run(string tier, out float* c)
        {
            float* y = o.Take<float>(n);
            c = o.Copy(cells, n);
            table[tier](new RecurrentStep { Weights = weights, InputWeights = inputWeights, Hidden = hidden, Rows = rows, InputLength = length, X = x, Input = input, H = h, Next = y, C = c, Extra = extra, XRow = xRow, InputRow = length, HRow = hidden, NextRow = hidden }, 0, RecurrentF32.PanelCount(hidden));
            return y;
        }
    }
}
