using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Scratch memory of a kernel's innermost work, one block a thread, grown to the largest request and kept: panels whose size does not
/// depend on the number of threads, so that no plan could reserve them. Only leaf code takes it; content is undefined.
/// </summary>
internal static unsafe class Scratch
{
    private const long Least = 64 * 1024;

    [ThreadStatic] private static TensorStorage? t_block;

    public static byte* Get(long bytes)
    {
        if (t_block is null || t_block.Length < bytes) t_block = TensorStorage.Allocate(Math.Max(bytes, Least));
        return t_block.Pointer;
    }
}
