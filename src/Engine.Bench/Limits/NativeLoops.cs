using Engine.Kernels;

namespace Engine.Bench;

/// <summary>Loops of the native library over instructions that .NET has no intrinsics for: 512 bits of VNNI, BF16 and VPOPCNTDQ, I8MM and BF16 of Arm.</summary>
internal static unsafe class NativeLoops
{
    // As in native/limits.c: 14 sums of 16 lanes, a turn; four rows of eight words; and the products of one 2 x 8 by 8 x 2 of I8MM.
    private const int Bytes = 32 * 256;

    public static IEnumerable<LimitLoop> All =>
    [
        Of(LimitKind.Int8, "native vpdpbusd, 512 bits", "avx512vnni", 2 * 14 * 64),
        Of(LimitKind.Int8, "native usmmla", "i8mm", 2 * 14 * 32),
        Of(LimitKind.Bf16, "native vdpbf16ps, 512 bits", "avx512bf16", 2 * 14 * 32),
        Of(LimitKind.Bf16, "native bfmmla", "bf16", 2 * 14 * 16),
        Of(LimitKind.Popcount, "native vpopcntq, 512 bits", "avx512vpopcntdq", 2 * 8 * 512),
    ];

    private static LimitLoop Of(LimitKind kind, string form, string tier, double work)
    {
        nint loop = NativeKernels.Find("limit", tier);
        return new(kind, form, loop != 0, Bytes, work, (data, bytes, times, sink) => ((delegate* unmanaged<byte*, long, long, byte*, void>)loop)(data, bytes, times, sink));
    }
}
