using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Every kernel on random shapes, operands against guard pages and misaligned, on every tier of its table.</summary>
public class KernelPropertyTests
{
    private const int LeastShapes = 10_000;

    public static TheoryData<string> Stems => [.. KernelProperty.All.Select(p => p.Table.Stem)];

    [Fact]
    public void Every_kernel_table_has_a_property() =>
        Assert.Equal(AllKernelTables.List.Select(t => t.Stem), KernelProperty.All.Select(p => p.Table.Stem).Order(StringComparer.Ordinal));

    [Fact]
    public void The_suite_tries_many_shapes() => Assert.InRange(KernelProperty.All.Sum(p => p.Shapes), LeastShapes, int.MaxValue);

    [Theory, MemberData(nameof(Stems))]
    public void Every_tier_agrees_within_its_operands(string stem) => Try(stem, 0, 1);

    [Theory, MemberData(nameof(Stems)), Trait("Category", "Soak")]
    public void Every_tier_agrees_on_many_more_shapes(string stem) => Try(stem, 1_000_000, 20);

    private static void Try(string stem, int firstSeed, int times)
    {
        var p = KernelProperty.All.First(k => k.Table.Stem == stem);
        using var operands = new Operands();
        for (int i = 0; i < p.Shapes * times; i++)
        {
            operands.Next(firstSeed + i);
            p.Try(operands);
            operands.Check();
        }
    }
}
