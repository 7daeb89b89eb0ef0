using Engine.Kernels;

namespace Engine.Tests;

/// <summary>One random shape of a kernel: runs every tier on the same operands and asserts that they agree with the reference.</summary>
internal delegate void Trial(Operands operands);

/// <summary>A kernel's property, and how many random shapes the normal run tries.</summary>
internal sealed record KernelProperty(IKernelTable Table, int Shapes, Trial Try)
{
    /// <summary>Every kernel has one here; a test asserts it.</summary>
    public static IReadOnlyList<KernelProperty> All { get; } = [.. ElementProperties.All, .. RowProperties.All, .. ReduceProperties.All, .. ProductProperties.All, .. ConvProperties.All, .. CodeProperties.All, .. RecurrentProperties.All, .. ShiftProperties.All, .. LowBitProperties.All, .. SparseProperties.All, .. SparseCodeProperties.All, .. BinaryProperties.All, .. SlicedProperties.All];

    /// <summary>A length that leaves every tail: mostly short.</summary>
    public static int Length(Random r) => r.Next(4) == 0 ? r.Next(64, 300) : r.Next(0, 70);

    /// <summary>Tiers but the reference.</summary>
    public static IEnumerable<string> Fast(IKernelTable table) => table.SupportedTiers.Where(t => t != "scalar");

    /// <summary>Equal, or as near as <paramref name="tolerance"/> of the magnitude that was summed up; not finite on both sides where that is not.</summary>
    public static unsafe void AssertClose(string what, float* expected, float* actual, float* magnitude, int count, double tolerance)
    {
        for (int i = 0; i < count; i++)
        {
            float e = expected[i], a = actual[i];
            if (e == a || float.IsNaN(e) && float.IsNaN(a)) continue;
            double m = magnitude is null ? Math.Max(1, Math.Abs(e)) : magnitude[i];
            if (!float.IsFinite(e) && !float.IsFinite(a) && !double.IsFinite(m)) continue;
            if (!(Math.Abs((double)e - a) <= tolerance * m + 1e-37)) Assert.Fail($"{what}: element {i} of {count} is {a:g9}, expected {e:g9}");
        }
    }
}
