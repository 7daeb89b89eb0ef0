using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>How entries are named by the element types they take, and how much work a launch spreads.</summary>
internal static class GpuTypes
{
    /// <summary>The suffix of an entry for a float type. Throws for others.</summary>
    public static string Suffix(DType type) => type switch
    {
        DType.F32 => "f32",
        DType.F16 => "f16",
        DType.BF16 => "bf16",
        _ => throw new UnsupportedException($"no GPU kernel for elements of {type.Display()}"),
    };

    /// <summary>The suffix of an entry that moves elements, by their width.</summary>
    public static string Bits(DType type) => type.BitWidth() switch
    {
        8 => "b8",
        16 => "b16",
        32 => "b32",
        64 => "b64",
        _ => throw new UnsupportedException($"no GPU kernel moves elements of {type.Display()}"),
    };

    /// <summary>Blocks for work that threads take in turn: all of it at once, or as many blocks as the device holds some times over.</summary>
    public static uint Blocks(IGpuDevice device, long items, int perBlock) => (uint)Math.Clamp(Checked.CeilDiv(items, perBlock), 1, 16L * device.Info.Multiprocessors);

    /// <summary>Elements as kernels count them, in 32 bits. Throws above.</summary>
    public static uint Count(long elements) => elements is >= 0 and <= int.MaxValue ? (uint)elements : throw new UnsupportedException($"{elements} elements: GPU kernels count to {int.MaxValue}");
}
