using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>Launches <c>gather</c>: rows of a table by their numbers.</summary>
public static class GpuGather
{
    private const int Threads = 128;

    /// <summary>
    /// y [indices, row] = table [rows, row] at each index, i32 or i64, below zero from the end. An index outside the table gives zeros and sets bit 0 of the u32 at <paramref name="outside"/>, which the caller clears.
    /// </summary>
    public static void Run(GpuKernels kernels, IGpuStream stream, GpuSpan table, DType indexType, GpuSpan index, GpuSpan y, GpuSpan outside, long indices, long rows, long rowBytes)
    {
        if (indices == 0 || rowBytes == 0) return;
        if (indexType is not (DType.I32 or DType.I64)) throw new UnsupportedException($"no GPU kernel gathers by indices of {indexType.Display()}");
        bool words = rowBytes % 4 == 0;
        var kernel = kernels.Get("gather", $"gather_{(words ? "b32" : "b8")}_{indexType.Display()}");
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(table).Add(index).Add(y).Add(outside).Add(indices).Add(rows).Add(words ? rowBytes / 4 : rowBytes);
        stream.Launch(kernel, new(GpuTypes.Blocks(kernels.Device, indices, 1), 1, 1, Threads), arguments.Bytes);
    }
}
