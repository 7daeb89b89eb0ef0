using System.Runtime.InteropServices;
using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>attention-decode</c>: lengths from none to the whole cache, shared key heads, parts of a sequence that are empty, large scores.</summary>
internal static class AttentionCases
{
    private static readonly (int Batch, int Heads, int KeyHeads, int Capacity, int Splits)[] s_sizes = [(1, 1, 1, 1, 1), (2, 4, 2, 17, 1), (1, 8, 1, 64, 3), (3, 2, 2, 33, 4), (1, 4, 4, 300, 8), (2, 6, 3, 129, 2), (1, 2, 1, 500, 5), (4, 3, 3, 40, 16), (1, 12, 4, 100, 1), (2, 2, 2, 257, 7)];

    public static IEnumerable<GpuCase> All()
    {
        foreach (var type in (DType[])[DType.F16, DType.BF16])
            foreach (int head in (int[])[64, 128])
                foreach (string kernel in (string[])["part", "merge"])
                    foreach (bool wide in (bool[])[false, true])
                        foreach (var s in s_sizes)
                            // Both kernels run in every case; half of the cases counts for each.
                            yield return new("attention-decode", $"attention_decode_{kernel}_{type.Display()}_{head}", $"{s.Batch}x{s.Heads}/{s.KeyHeads}x{s.Capacity} in {s.Splits}{(wide ? " large scores" : "")}", c => Run(c, type, head, s, wide));
    }

    private static void Run(GpuCaseContext c, DType type, int head, (int Batch, int Heads, int KeyHeads, int Capacity, int Splits) s, bool wide)
    {
        float range = wide ? 6 : 1, scale = 1 / MathF.Sqrt(head);
        float[] q = c.Values((long)s.Batch * s.Heads * head, type, -range, range), k = c.Values((long)s.Batch * s.KeyHeads * s.Capacity * head, type, -range, range), v = c.Values(k.Length, type);
        int[] lengths = [.. Enumerable.Range(0, s.Batch).Select(b => b == 0 ? s.Capacity : c.Random.Next(s.Capacity + 1))];
        double[] expected = new double[q.Length];
        for (int b = 0; b < s.Batch; b++)
            for (int h = 0; h < s.Heads; h++)
            {
                int keys = (b * s.KeyHeads + h / (s.Heads / s.KeyHeads)) * s.Capacity * head, query = (b * s.Heads + h) * head;
                double[] scores = [.. Enumerable.Range(0, lengths[b]).Select(j => scale * Enumerable.Range(0, head).Sum(e => (double)q[query + e] * k[keys + j * head + e]))];
                double largest = scores.DefaultIfEmpty().Max(), sum = scores.Sum(x => Math.Exp(x - largest));
                for (int e = 0; e < head && sum > 0; e++) expected[query + e] = scores.Select((x, j) => Math.Exp(x - largest) * v[keys + j * head + e]).Sum() / sum;
            }
        GpuSpan work = c.Output(GpuAttention.WorkBytes(s.Batch, s.Heads, head, s.Splits)), y = c.Output(type.ByteCount(q.Length));
        GpuAttention.Decode(c.Kernels, c.Stream, type, c.Upload(q, type), c.Upload(k, type), c.Upload(v, type), c.Upload(MemoryMarshal.AsBytes(lengths.AsSpan())), work, y, s.Batch, s.Heads, s.KeyHeads, s.Capacity, head, scale, s.Splits);
        c.Expect(y, type, expected, 1e-5, wide ? 4e-5 : 4e-6);
    }
}
