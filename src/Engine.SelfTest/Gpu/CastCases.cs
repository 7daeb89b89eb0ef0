using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>cast</c>: every pair of types, exact to the bit, special values among them.</summary>
internal static class CastCases
{
    private static readonly (DType From, DType To)[] s_pairs = [(DType.F32, DType.F16), (DType.F16, DType.F32), (DType.F32, DType.BF16), (DType.BF16, DType.F32)];

    public static IEnumerable<GpuCase> All()
    {
        foreach (var (from, to) in s_pairs)
            for (int i = 0; i < 20; i++)
            {
                int n = i < 9 ? i + 1 : 1 + i * i * 13;
                yield return new("cast", $"cast_{from.Display()}_{to.Display()}", $"{n}", c => Run(c, from, to, n));
            }
    }

    private static void Run(GpuCaseContext c, DType from, DType to, int n)
    {
        float[] special = [0, -0.0f, 1, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 65504, 65520, 1e-8f, 6e-8f, 1e-5f, float.MaxValue, 1 + 1f / 2048, 1 + 3f / 2048];
        float[] x = c.Values(n, DType.F32, -70000, 70000);
        for (int i = 0; i < x.Length; i += 3) x[i] = special[i / 3 % special.Length];
        x = GpuCaseContext.Rounded(x, from);
        var y = c.Output(to.ByteCount(n));
        GpuElementwise.Cast(c.Kernels, c.Stream, from, c.Upload(x, from), to, y, n);
        c.Expect(y, to, [.. GpuCaseContext.Rounded([.. x], to).Select(v => (double)v)], 0, 0);
    }
}
