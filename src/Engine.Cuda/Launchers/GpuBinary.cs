using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>
/// Launches <c>gemm-binary</c>: products of matrices of −1 and +1. Bit 1 is −1; element k of a row is bit k mod 8 of byte k / 8; rows take <see cref="RowBytes"/> bytes and have zeros behind K.
/// </summary>
public static class GpuBinary
{
    private const int Alignment = 16, CountThreads = 128, Lanes = 32, WordBits = 32;

    /// <summary>Bytes of a row of K elements.</summary>
    public static long RowBytes(long k) => Checked.AlignUp(Checked.CeilDiv(k, 8), Alignment);

    /// <summary>Words of 32 channels that a row of N results takes as bits.</summary>
    public static long ResultWords(long n) => Checked.CeilDiv(n, WordBits);

    /// <summary>counts [rows] i32 = bits set in each row, as both operands of a product need them.</summary>
    public static void Count(GpuKernels kernels, IGpuStream stream, GpuSpan bits, GpuSpan counts, long rows, long rowBytes)
    {
        if (rows == 0) return;
        var kernel = kernels.Get("gemm-binary", "gemm_binary_counts");
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(bits).Add(counts).Add(rows).Add(rowBytes / 4);
        stream.Launch(kernel, new((uint)Checked.CeilDiv(GpuTypes.Count(rows), CountThreads / Lanes), 1, 1, CountThreads), arguments.Bytes);
    }

    /// <summary>y [M, N] f32 = steps(product · scale [N] + offset [N]).</summary>
    public static void Run(GpuKernels kernels, IGpuStream stream, GpuSpan x, GpuSpan w, GpuSpan xCounts, GpuSpan wCounts, GpuSpan scale, GpuSpan offset, GpuSpan y, long m, long n, long k, in GpuSteps steps, int tile = 0)
    {
        if (m == 0 || n == 0) return;
        var (kernel, launch) = Kernel(kernels, "f32", m, n, tile);
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(w).Add(xCounts).Add(wCounts).Add(scale).Add(offset).Add(y).Add(m).Add(n).Add(k).Add(RowBytes(k)).AddStruct(steps);
        stream.Launch(kernel, launch, arguments.Bytes);
    }

    /// <summary>
    /// y [M, <see cref="ResultWords"/>] u32: bit c mod 32 of word c / 32 is 1 where the product of channel c lies below <paramref name="bound"/> [N] i32, or, where <paramref name="above"/> [N] u8 is not 0, at or above it.
    /// Bits behind the last channel are 0. This is batch norm and sign in one comparison.
    /// </summary>
    public static void RunToBits(GpuKernels kernels, IGpuStream stream, GpuSpan x, GpuSpan w, GpuSpan xCounts, GpuSpan wCounts, GpuSpan bound, GpuSpan above, GpuSpan y, long m, long n, long k, int tile = 0)
    {
        if (m == 0 || n == 0) return;
        var (kernel, launch) = Kernel(kernels, "bits", m, n, tile);
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(w).Add(xCounts).Add(wCounts).Add(bound).Add(above).Add(y).Add(m).Add(n).Add(k).Add(RowBytes(k)).Add(ResultWords(n));
        stream.Launch(kernel, launch, arguments.Bytes);
    }

    private static (IGpuKernel, GpuLaunch) Kernel(GpuKernels kernels, string result, long m, long n, int tile)
    {
        _ = GpuTypes.Count(Checked.Mul(m, n));
        tile = tile == 0 ? GpuGemm.Tile(kernels.Device, m, n, 1) : tile;
        return (kernels.Get("gemm-binary", $"gemm_binary_{result}_{tile}"), GpuGemm.TileLaunch(m, n, 1, tile));
    }
}
