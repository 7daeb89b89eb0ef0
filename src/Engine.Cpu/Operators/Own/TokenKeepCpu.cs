using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class TokenKeepCpu
{
    public static StepFn Bind(TokenKeep op, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var p = b.In(0).Shape;
        int batch = p.Count(0, p.Rank - 3), heads = p.Int(-3), tokens = p.Int(-2), keys = p.Int(-1), kept = (int)op.Kept(tokens), order = b.Work(sizeof(ulong) * (long)tokens);
        return (in StepContext c) =>
        {
            for (int i = 0; i < batch; i++)
                Keep(c.In<float>(0).Slice(i * heads * tokens * keys, heads * tokens * keys), heads, keys, c.Work<ulong>(order), c.Out<long>(0).Slice(i * kept, kept));
        };
    }

    private static void Keep(ReadOnlySpan<float> p, int heads, int keys, Span<ulong> order, Span<long> kept)
    {
        int tokens = order.Length;
        for (int t = 0; t < tokens; t++)
        {
            double score = 0;
            for (int h = 0; h < heads; h++) score += p[(h * tokens + t) * keys];
            order[t] = Rank((float)score) << 32 | (uint)t;
        }
        // The last token is kept whatever its score; the dropped ones come first.
        if (tokens > 0) order[^1] |= ~0UL << 32;
        order.Sort();
        var rest = order[(tokens - kept.Length)..];
        for (int i = 0; i < rest.Length; i++) kept[i] = (uint)rest[i];
        kept.Sort();
    }

    // Unsigned numbers in the order of the floats; NaN with the sign bit is the smallest, without it the largest.
    private static ulong Rank(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        return (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
    }
}
