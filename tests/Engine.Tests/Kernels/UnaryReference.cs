using Engine.Kernels;

namespace Engine.Tests;

/// <summary>The binary64 definition of every function of one f32, by the stem of its kernel.</summary>
internal static class UnaryReference
{
    private static readonly Dictionary<string, Func<double, double, double, double>> s_all = typeof(IUnaryF32).Assembly.GetTypes()
        .Where(t => t.IsValueType && typeof(IUnaryF32).IsAssignableFrom(t))
        .Select(t => typeof(UnaryF32Table<>).MakeGenericType(t))
        .ToDictionary(t => ((IKernelTable)t.GetProperty("Table")!.GetValue(null)!).Stem, t => (Func<double, double, double, double>)t.GetProperty("Definition")!.GetValue(null)!);

    /// <summary>f(x, p0, p1).</summary>
    public static Func<double, double, double, double> Of(string stem) => s_all[stem];
}
