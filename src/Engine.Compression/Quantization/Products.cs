using Engine.Kernels;

namespace Engine.Compression;

/// <summary>Products of row-major f32 matrices.</summary>
internal static unsafe class Products
{
    /// <summary>x [m, k] · wᵀ with w [n, k]: [m, n].</summary>
    public static float[] TimesTransposed(float[] x, int m, float[] w, int n, int k, Workers workers)
    {
        var y = new float[(long)m * n];
        fixed (float* a = x, b = w, c = y) Multiply(workers, m, n, k, a, k, 1, b, 1, k, c);
        return y;
    }

    /// <summary>x [m, k] · w [k, n]: [m, n].</summary>
    public static float[] Times(float[] x, int m, float[] w, int n, int k, Workers workers)
    {
        var y = new float[(long)m * n];
        fixed (float* a = x, b = w, c = y) Multiply(workers, m, n, k, a, k, 1, b, n, 1, c);
        return y;
    }

    /// <summary>x [rows, columns] with axes exchanged.</summary>
    public static float[] Transposed(float[] x, int rows, int columns)
    {
        var y = new float[x.LongLength];
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) y[(long)c * rows + r] = x[(long)r * columns + c];
        return y;
    }

    /// <summary>xᵀ·x / rows of x [rows, k]: [k, k].</summary>
    public static float[] Gram(float[] x, int rows, int k, Workers workers)
    {
        var h = new float[(long)k * k];
        fixed (float* a = x, c = h) Multiply(workers, k, k, rows, a, 1, k, a, k, 1, c);
        float part = 1f / Math.Max(1, rows);
        for (long i = 0; i < h.LongLength; i++) h[i] *= part;
        return h;
    }

    // C [m, n] = A [m, k] · B [k, n], operands by strides.
    private static void Multiply(Workers workers, int m, int n, int k, float* a, nint aRow, nint aColumn, float* b, nint bRow, nint bColumn, float* c)
    {
        if (m == 0 || n == 0 || k == 0) return;
        var packed = Tensors.Tensor.Allocate(Tensors.DType.F32, new Tensors.Shape(GemmF32.PackedLength(k, n)));
        GemmF32.Pack(workers, k, n, b, bRow, bColumn, (float*)packed.Pointer);
        GemmF32.Run(workers, m, n, k, a, aRow, aColumn, (float*)packed.Pointer, c, n, new NoEpilogue());
        GC.KeepAlive(packed);
    }
}
