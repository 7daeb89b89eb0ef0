using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>Launches <c>gemm-f32</c>, <c>gemm-f16</c> and <c>gemm-u8s8</c>: y [batch, M, N] = steps(x [batch, M, K] w), sums in f32 or i32.</summary>
public static class GpuGemm
{
    private const int F32Tile = 64, F32Threads = 256, StageBytes = 64, Stages = 4, Alignment = 8, CodeAlignment = 16;

    /// <summary>Whether <c>gemm-f16</c> takes rows of these lengths: they begin at 16 bytes.</summary>
    public static bool TakesReduced(long n, long k, bool transposed) => k % Alignment == 0 && (transposed || n % Alignment == 0);

    /// <summary>
    /// y = steps(x w) for each matrix of a batch. Throws <see cref="UnsupportedException"/> where a reduced type's rows are not multiples of 8 elements.
    /// </summary>
    /// <param name="kernels">Kernels of the device.</param>
    /// <param name="stream">The queue.</param>
    /// <param name="type">Element type of x, w, y and the steps' operands.</param>
    /// <param name="x">[batch, M, K].</param>
    /// <param name="w">[batch or 1, N, K] where <paramref name="transposed"/>, else [batch or 1, K, N].</param>
    /// <param name="y">[batch, M, N].</param>
    /// <param name="m">Rows of x.</param>
    /// <param name="n">Columns of y.</param>
    /// <param name="k">Elements summed over.</param>
    /// <param name="transposed">w has K innermost.</param>
    /// <param name="batch">Matrices.</param>
    /// <param name="sharedWeight">One w serves the whole batch.</param>
    /// <param name="steps">What is done with a sum before it is stored.</param>
    /// <param name="tile">Edge of a block's tile of a reduced type, 64 or 128; 0 for the one that suits the device.</param>
    public static void Run(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan x, GpuSpan w, GpuSpan y, long m, long n, long k, bool transposed, long batch, bool sharedWeight, in GpuSteps steps, int tile = 0)
    {
        _ = GpuTypes.Count(Checked.Mul(batch, Checked.Mul(m, n)));
        if (batch > ushort.MaxValue) throw new UnsupportedException($"a batch of {batch} products; the GPU's kernel takes {ushort.MaxValue}");
        if (m == 0 || n == 0 || batch == 0) return;
        bool reduced = type != DType.F32;
        if (reduced && !TakesReduced(n, k, transposed)) throw new UnsupportedException($"rows of {n} and {k} elements of {type.Display()}; the GPU's kernel takes multiples of {Alignment}");
        string layout = transposed ? "nk" : "kn";
        tile = !reduced ? F32Tile : tile == 0 ? Tile(kernels.Device, m, n, batch) : tile;
        var kernel = reduced ? kernels.Get("gemm-f16", $"gemm_{GpuTypes.Suffix(type)}_{layout}_{tile}") : kernels.Get("gemm-f32", $"gemm_f32_{layout}");
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(w).Add(y).Add(m).Add(n).Add(k).AddLong(m * k).AddLong(sharedWeight ? 0 : n * k).AddStruct(steps);
        stream.Launch(kernel, reduced ? TileLaunch(m, n, batch, tile) : new((uint)Checked.CeilDiv(n, tile), (uint)Checked.CeilDiv(m, tile), (uint)batch, F32Threads), arguments.Bytes);
    }

    /// <summary>
    /// y [M, N] = finish(x [M, K] w [N, K] + bias [N]) of codes, x u8 and w s8, rows of a multiple of 16 bytes, w zero behind its own K. y is f32 or u8, as <paramref name="finish"/> says; steps are for f32.
    /// </summary>
    public static void RunCodes(GpuKernels kernels, IGpuStream stream, GpuFinish finish, GpuSpan x, GpuSpan w, GpuSpan bias, GpuSpan y, long m, long n, long k, in GpuRequantize requantize, in GpuSteps steps, int tile = 0)
    {
        if (k % CodeAlignment != 0) throw new UnsupportedException($"rows of {k} codes; the GPU's kernel takes multiples of {CodeAlignment}");
        _ = GpuTypes.Count(Checked.Mul(m, n));
        if (m == 0 || n == 0) return;
        tile = tile == 0 ? Tile(kernels.Device, m, n, 1) : tile;
        var kernel = kernels.Get("gemm-u8s8", $"gemm_u8s8_{GpuRequantize.Suffix(finish)}_{tile}");
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(w).Add(bias).Add(y).Add(m).Add(n).Add(k).AddStruct(requantize).AddStruct(steps);
        stream.Launch(kernel, TileLaunch(m, n, 1, tile), arguments.Bytes);
    }

    /// <summary>Blocks, threads and shared memory of <c>kernels/gemm-tiles.cuh</c>.</summary>
    internal static GpuLaunch TileLaunch(long m, long n, long batch, int tile) =>
        new(checked((uint)(Checked.CeilDiv(m, tile) * Checked.CeilDiv(n, tile))), 1, (uint)batch, tile == 128 ? 256 : 128, Stages * 2 * tile * StageBytes);

    // The large tile reads less; the small one gives work to all multiprocessors where the large one leaves some without.
    internal static int Tile(IGpuDevice device, long m, long n, long batch) => m > 64 && Checked.CeilDiv(m, 128) * Checked.CeilDiv(n, 128) * batch >= device.Info.Multiprocessors ? 128 : 64;
}
