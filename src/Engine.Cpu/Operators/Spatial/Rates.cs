using Engine.Kernels;

namespace Engine.Cpu;

/// <summary>What one core reaches, for cost estimates: orders of magnitude, so that the planner prefers the right kernel.</summary>
internal static class Rates
{
    /// <summary>Bytes a nanosecond from memory that the caches hold in part.</summary>
    public const double BytesPerNanosecond = 20;

    /// <summary>Operations a nanosecond of a blocked multiply-add kernel in the tier that <paramref name="table"/> picked.</summary>
    public static double Operations(IKernelTable table) => table.Tier switch { "avx512" => 220, "avx2" => 90, "vector" or "advsimd" => 46, _ => 1 };

    /// <summary>The same of a kernel of 8-bit codes.</summary>
    public static double CodeOperations(IKernelTable table) => table.Tier switch { "avx512vnni" => 950, "avxvnni" => 440, "avx512" => 300, "avx2" => 152, "vector" or "advsimd" => 40, _ => 1 };

    /// <summary>Operations with kept values a nanosecond of a kernel of N:M sparse 8-bit codes.</summary>
    public static double NmOperations(IKernelTable table) => table.Tier switch { "avx512vnni" => 550, "avx512" => 275, "avxvnni" => 285, "avx2" => 142, "advsimd" => 30, _ => 0.8 };

    /// <summary>
    /// Nanoseconds of a product that multiplies for so long and reads so many bytes of weights, which are fetched ahead. What is larger than <see cref="CachedBytes"/> comes from memory; wider vectors keep more on its way.
    /// </summary>
    public static double Product(double nanoseconds, double weightBytes)
    {
        var (near, far) = GemmF32.Table.Tier switch { "avx512" => (100, 48), "avx2" => (40, 35), _ => (50, 22) };
        double reading = weightBytes / near + Math.Max(0, weightBytes - CachedBytes) / far;
        return Math.Sqrt(nanoseconds * nanoseconds + reading * reading);
    }

    /// <summary>Bytes of a weight that caches are taken to hold from a run to the next.</summary>
    public const double CachedBytes = 16 << 20;
}
