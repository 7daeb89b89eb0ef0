using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>Reductions; numbers as in <c>kernels/reduce.cu</c>.</summary>
public enum GpuReduceOp
{
    /// <summary>Σ x.</summary>
    Sum,
    /// <summary>Σ x / extent.</summary>
    Mean,
    /// <summary>The largest; NaN where there is one.</summary>
    Largest,
    /// <summary>The smallest; NaN where there is one.</summary>
    Smallest,
    /// <summary>Π x.</summary>
    Product,
    /// <summary>Σ x².</summary>
    SumOfSquares,
    /// <summary>Σ |x|.</summary>
    SumOfMagnitudes,
    /// <summary>√Σ x².</summary>
    EuclideanNorm,
}

/// <summary>Launches <c>reduce</c>, <c>softmax</c> and <c>norm</c>: x is seen as [outer, extent, inner], the middle axis is worked over. Sums are f32, in an order that depends on the shape alone.</summary>
public static class GpuReduction
{
    private const int ReduceThreads = 128, NormThreads = 256;

    /// <summary>y [outer, inner] = reduction of x [outer, extent, inner] over the middle axis.</summary>
    public static void Reduce(GpuKernels kernels, IGpuStream stream, DType type, GpuReduceOp op, GpuSpan x, GpuSpan y, long outer, long extent, long inner)
    {
        _ = GpuTypes.Count(Checked.Mul(outer, inner));
        if (inner == 1)
        {
            var rows = kernels.Get("reduce", "reduce_rows_" + GpuTypes.Suffix(type));
            stream.Launch(rows, new(GpuTypes.Blocks(kernels.Device, outer, 1), 1, 1, ReduceThreads), new KernelArguments(rows.Entry, stackalloc byte[rows.Entry.ArgumentBytes]).Add(x).Add(y).Add(outer).Add(extent).Add((int)op).Bytes);
            return;
        }
        var columns = kernels.Get("reduce", "reduce_columns_" + GpuTypes.Suffix(type));
        stream.Launch(columns, new(GpuTypes.Blocks(kernels.Device, outer * inner, ReduceThreads), 1, 1, ReduceThreads), new KernelArguments(columns.Entry, stackalloc byte[columns.Entry.ArgumentBytes]).Add(x).Add(y).Add(outer).Add(extent).Add(inner).Add((int)op).Bytes);
    }

    /// <summary>y = softmax of x over the middle axis, or its logarithm; both [outer, extent, inner].</summary>
    public static void Softmax(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan x, GpuSpan y, long outer, long extent, long inner, bool logarithmic = false)
    {
        long rows = Checked.Mul(outer, inner);
        _ = GpuTypes.Count(rows);
        var kernel = kernels.Get("softmax", "softmax_" + GpuTypes.Suffix(type));
        stream.Launch(kernel, new(GpuTypes.Blocks(kernels.Device, rows, 1), 1, 1, ReduceThreads), new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(y).Add(rows).Add(extent).Add(inner).Add(logarithmic ? 1u : 0).Bytes);
    }

    /// <summary>y = (x' − mean) / √(variance + ε) · gamma + beta over rows of <paramref name="extent"/>, x' = x + residual; x' goes to <paramref name="sum"/> too where that is given.</summary>
    public static void LayerNorm(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan x, GpuSpan residual, GpuSpan gamma, GpuSpan beta, GpuSpan sum, GpuSpan y, long rows, long extent, float epsilon)
    {
        var kernel = kernels.Get("norm", "layer_norm_" + GpuTypes.Suffix(type));
        stream.Launch(kernel, new(GpuTypes.Blocks(kernels.Device, rows, 1), 1, 1, NormThreads), new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(residual).Add(gamma).Add(beta).Add(sum).Add(y).Add(rows).Add(extent).Add(epsilon).Bytes);
    }

    /// <summary>y = x' / √(mean of x'² + ε) · gamma over rows of <paramref name="extent"/>, x' = x + residual; x' goes to <paramref name="sum"/> too where that is given.</summary>
    public static void RmsNorm(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan x, GpuSpan residual, GpuSpan gamma, GpuSpan sum, GpuSpan y, long rows, long extent, float epsilon)
    {
        var kernel = kernels.Get("norm", "rms_norm_" + GpuTypes.Suffix(type));
        stream.Launch(kernel, new(GpuTypes.Blocks(kernels.Device, rows, 1), 1, 1, NormThreads), new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(residual).Add(gamma).Add(sum).Add(y).Add(rows).Add(extent).Add(epsilon).Bytes);
    }
}
