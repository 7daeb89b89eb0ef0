using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>Launches <c>elementwise</c> and <c>cast</c>: y[i] = steps(x[i]), and conversions between float types. Memory is the limit: reads and writes of n elements.</summary>
public static class GpuElementwise
{
    private const int Threads = 256, Pack = 4;

    /// <summary>y = steps(x), n elements of <paramref name="type"/>; y may be x. Operands of steps have the same type; arithmetic is f32.</summary>
    public static void Run(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan x, GpuSpan y, long n, in GpuSteps steps)
    {
        var kernel = kernels.Get("elementwise", "elementwise_" + GpuTypes.Suffix(type));
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(y).Add(GpuTypes.Count(n)).AddStruct(steps);
        stream.Launch(kernel, new(GpuTypes.Blocks(kernels.Device, n, Threads * Pack), 1, 1, Threads), arguments.Bytes);
    }

    /// <summary>y = x in another float type, to nearest and ties to even; one of the types is f32.</summary>
    public static void Cast(GpuKernels kernels, IGpuStream stream, DType from, GpuSpan x, DType to, GpuSpan y, long n)
    {
        if ((from == DType.F32) == (to == DType.F32)) throw new UnsupportedException($"no GPU kernel casts {from.Display()} to {to.Display()}");
        var kernel = kernels.Get("cast", $"cast_{GpuTypes.Suffix(from)}_{GpuTypes.Suffix(to)}");
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(y).Add(GpuTypes.Count(n));
        stream.Launch(kernel, new(GpuTypes.Blocks(kernels.Device, n, Threads * Pack), 1, 1, Threads), arguments.Bytes);
    }
}
