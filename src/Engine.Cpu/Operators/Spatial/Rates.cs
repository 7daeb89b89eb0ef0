using Engine.Kernels;

namespace Engine.Cpu;

/// <summary>What one core reaches, for cost estimates: orders of magnitude, so that the planner prefers the right kernel.</summary>
internal static class Rates
{
    /// <summary>Bytes a nanosecond from memory that the caches hold in part.</summary>
    public const double BytesPerNanosecond = 20;

    /// <summary>Operations a nanosecond of a blocked multiply-add kernel in the tier that <paramref name="table"/> picked.</summary>
    public static double Operations(IKernelTable table) => table.Tier switch { "avx512" => 220, "avx2" => 90, "vector" or "advsimd" => 40, _ => 1 };

    /// <summary>The same of a kernel of 8-bit codes.</summary>
    public static double CodeOperations(IKernelTable table) => table.Tier switch { "avx512vnni" => 800, "avxvnni" => 400, "avx512" => 250, "avx2" => 120, "vector" or "advsimd" => 40, _ => 1 };

    /// <summary>By how much rates are to be raised beside the estimate of dense f32 products, which is that of AVX-512 on every tier.</summary>
    public static double BesideDense => GemmF32.Table.Tier == "avx2" ? 220 / Operations(GemmF32.Table) : 1;

    /// <summary>Operations with kept values a nanosecond of a kernel of N:M sparse 8-bit codes.</summary>
    public static double NmOperations(IKernelTable table) => table.Tier switch { "avx512vnni" => 550, "avx512" => 260, "avxvnni" => 250, "avx2" => 110, "advsimd" => 30, _ => 0.5 };

    /// <summary>Operations on signs a nanosecond of a kernel that counts bits.</summary>
    public static double SignOperations(IKernelTable table) => table.Tier switch { "avx512vpopcntdq" => 4000, "avx512" => 3000, "avx2" => 1000, "advsimd" => 500, _ => 60 };
}
