using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Scratch memory of a kernel's innermost work, one block a thread, grown to the largest request and kept: panels whose size does not
/// depend on the number of threads, so that no plan could reserve them. Only leaf code takes it; content is undefined.
/// </summary>
internal static unsafe class Scratch
{
    private const long Least = 64 * 1024;

    [ThreadStatic] private static TensorStorage? t_block, t_outer;

    public static byte* Get(long bytes) => Grown(ref t_block, bytes);

    /// <summary>A block beside that of <see cref="Get"/>, for work that calls leaf code.</summary>
    public static byte* Outer(long bytes) => Grown(ref t_outer, bytes);

    private static byte* Grown(ref TensorStorage? block, long bytes)
    {
        if (block is null || block.Length < bytes) block = TensorStorage.Allocate(Math.Max(bytes, Least));
        return block.Pointer;
    }
}
