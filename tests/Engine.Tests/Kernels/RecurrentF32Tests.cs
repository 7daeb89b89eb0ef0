using Engine.Kernels;

namespace Engine.Tests;

public unsafe class RecurrentF32Tests
{
    private static float[] Step(RecurrentF32.Fn fn, int gates, int hidden, int rows, int input, bool extra, int seed)
    {
        bool lstm = gates == 4;
        float[] Make(long n, int s) => TestData.Floats((int)n, seed + s);
        float[] r = Make(gates * hidden * hidden, 1), w = Make(gates * hidden * Math.Max(1, input), 2), packed = new float[RecurrentF32.PackedLength(gates, hidden, hidden)], packedInput = new float[RecurrentF32.PackedLength(gates, hidden, input) + 1];
        float[] x = Make((input > 0 ? 1 : rows) * gates * hidden, 3), given = Make(rows * Math.Max(1, input), 4), h = Make(rows * (hidden + 3), 5), c = Make(rows * hidden, 6), bias = Make(hidden, 7), next = new float[rows * (hidden + 1)];
        fixed (float* pr = r, pw = w, pp = packed, ppi = packedInput, px = x, pg = given, ph = h, pc = c, pb = bias, pn = next)
        {
            RecurrentF32.Pack(gates, hidden, hidden, pr, pp);
            RecurrentF32.Pack(gates, hidden, input, pw, ppi);
            var s = new RecurrentStep { Hidden = hidden, Rows = rows, InputLength = input, Weights = pp, InputWeights = ppi, X = px, XRow = input > 0 ? 0 : gates * hidden, H = ph, HRow = hidden + 3, Next = pn, NextRow = hidden + 1, C = pc };
            if (input > 0) s.Input = pg;
            s.InputRow = input;
            if (extra && !lstm) s.Extra = pb;
            fn(s, 0, RecurrentF32.PanelCount(hidden));
        }
        return [.. next, .. c];
    }

    [Fact]
    public void Every_tier_agrees_with_the_reference()
    {
        var r = new Random(5);
        for (int i = 0; i < 150; i++)
        {
            int hidden = r.Next(1, 70), rows = r.Next(1, 10), input = r.Next(3) == 0 ? r.Next(1, 30) : 0;
            foreach (var table in new[] { RecurrentF32.Lstm, RecurrentF32.Gru })
            {
                int gates = table == RecurrentF32.Lstm ? 4 : 3, given = gates == 4 ? input : 0;
                var expected = Step(table.Reference, gates, hidden, rows, given, i % 2 == 0, i);
                foreach (string tier in table.SupportedTiers)
                {
                    var actual = Step(table[tier], gates, hidden, rows, given, i % 2 == 0, i);
                    for (int k = 0; k < expected.Length; k++) Assert.Equal(expected[k], actual[k], 2e-5f);
                }
            }
        }
    }
}
