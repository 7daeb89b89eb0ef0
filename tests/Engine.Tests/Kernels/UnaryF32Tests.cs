using Engine.Kernels;
using Xunit.Abstractions;

namespace Engine.Tests;

/// <summary>Functions of one f32 against binary64: a seeded share of all bit patterns here, every one of them in the long run.</summary>
public unsafe class UnaryF32Tests(ITestOutputHelper output)
{
    private const int Block = 1 << 12;

    public static TheoryData<string, string> Tiers()
    {
        var data = new TheoryData<string, string>();
        foreach (var t in UnaryF32.Tables)
            foreach (string tier in t.SupportedTiers) data.Add(t.Stem, tier);
        return data;
    }

    [Fact]
    public void Every_function_states_its_accuracy() => Assert.Equal(UnaryF32.Tables.Select(t => t.Stem).Order(), UnaryBound.All.Select(b => b.Stem).Order());

    [Theory, MemberData(nameof(Tiers))]
    public void A_share_of_all_arguments_is_within_the_bound(string stem, string tier)
    {
        var r = new Random(stem.Length * 31 + tier.Length);
        var blocks = new List<uint[]> { Edges() };
        for (int i = 0; i < 24; i++)
        {
            var x = new uint[Block];
            // Half of the patterns anywhere, half of magnitudes where functions bend.
            for (int j = 0; j < Block; j++) x[j] = j % 2 == 0 ? (uint)r.NextInt64(1L << 32) : BitConverter.SingleToUInt32Bits((float)((r.NextDouble() * 2 - 1) * Math.Exp(r.NextDouble() * 9 - 4.5)));
            blocks.Add(x);
        }
        Check(stem, tier, blocks);
    }

    [Theory, MemberData(nameof(Tiers)), Trait("Category", "Soak")]
    public void Every_argument_is_within_the_bound(string stem, string tier)
    {
        // The best tier at every argument, the others at a part of them: their lanes compute the same formulas.
        int step = tier == "scalar" ? 4096 : tier == UnaryF32.Exp.SupportedTiers.First() ? 1 : 61;
        Check(stem, tier, Enumerable.Range(0, 1 << 20).Where(b => b % step == 0).Select(b =>
        {
            var x = new uint[Block];
            for (int j = 0; j < Block; j++) x[j] = ((uint)b << 12) + (uint)j;
            return x;
        }));
    }

    private static uint[] Edges()
    {
        List<uint> bits = [0, 1, 2, 0x7fffff, 0x800000, 0x800001, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7f800001];
        foreach (float v in new[] { 0.5f, 1, 2, 0.34657359f, 0.69314718f, 0.70710678f, 0.92773438f, 1.3120158f, 4, 9, 9.01f, 10.5f, 16.6f, 18, 20, 24, 87.33f, 88, 88.3762f, 88.72283f, 88.72284f, 89, 103.27f, 103.972f, 104, 105 })
            for (int d = -3; d <= 3; d++) bits.Add((uint)(BitConverter.SingleToInt32Bits(v) + d));
        return [.. bits, .. bits.Select(b => b | 0x80000000)];
    }

    private void Check(string stem, string tier, IEnumerable<uint[]> blocks)
    {
        var table = UnaryF32.Tables.First(t => t.Stem == stem);
        var bound = UnaryBound.Of(stem);
        var run = table[tier];
        var exact = UnaryReference.Of(stem);
        double worst = 0;
        float at = 0, was = 0;
        object gate = new();
        Parallel.ForEach(blocks, bits =>
        {
            float* x = stackalloc float[Block], y = stackalloc float[Block];
            for (int i = 0; i < bits.Length; i++) x[i] = BitConverter.UInt32BitsToSingle(bits[i]);
            run(x, y, bits.Length, bound.P0, bound.P1);
            double most = 0;
            int where = 0;
            for (int i = 0; i < bits.Length; i++)
                if (bound.Error(exact(x[i], bound.P0, bound.P1), y[i]) is var e && e > most) (most, where) = (e, i);
            lock (gate) if (most > worst) (worst, at, was) = (most, x[where], y[where]);
        });
        output.WriteLine($"{stem} {tier}: {worst:f3} ulp at {at:g9}");
        Assert.True(worst <= bound.Ulp, $"{stem} ({tier}): error {worst:g4} ulp, stated {bound.Ulp}; f({at:g9}) = {was:g9}, exact {exact(at, bound.P0, bound.P1):g9}");
    }
}
