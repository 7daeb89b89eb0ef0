using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;

namespace Engine.Kernels;

/// <summary>
/// C[m, 8] = Σ A[m, k]·B[k, 8] in f32 for one row of the 8 × 4 blocks of a sparse weight: values [blocks, 4, 8], a weight's row in every lane; block b meets the four activations from 4 ·
/// columns[b] on.
/// </summary>
public static unsafe class GemmBlocksF32
{
    /// <summary>Rows and columns of a block of the weight.</summary>
    public const int Height = 8, Width = 4;

    private const int Block = Height * Width;

    /// <summary>Some rows of A, <paramref name="stride"/> floats apart, by one row of blocks into rows of C, <paramref name="ldc"/> apart.</summary>
    public delegate void Fn(float* a, nint stride, int rows, int* columns, int blocks, float* values, float* c, nint ldc);

    /// <summary>Best first.</summary>
    public static KernelTable<Fn> Table { get; } = new("gemm-blocks-f32",
        new("avx2", F32x8.IsSupported, Vectors<F32x8>),
        new("advsimd", AdvSimd.Arm64.IsSupported, Vectors<F32x4>),
        new("vector", F32x4.IsSupported, Vectors<F32x4>),
        new("scalar", true, Scalar));

    private static void Vectors<TV>(float* a, nint stride, int rows, int* columns, int blocks, float* values, float* c, nint ldc) where TV : unmanaged, IF32Vector<TV>
    {
        for (int part = 0; part < Height; part += TV.Count)
        {
            int i = 0;
            for (; i <= rows - 8; i += 8) Rows8<TV>(a + i * stride, stride, columns, blocks, values + part, c + i * ldc + part, ldc);
            for (; i < rows; i++) Rows1<TV>(a + i * stride, columns, blocks, values + part, c + i * ldc + part);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows8<TV>(float* a, nint stride, int* columns, int blocks, float* values, float* c, nint ldc) where TV : unmanaged, IF32Vector<TV>
    {
        TV s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (int b = 0; b < blocks; b++, values += Block)
        {
            float* p = a + Width * (nint)columns[b];
            var w = TV.Load(values);
            s0.AddProduct(TV.Of(*p), w);
            s1.AddProduct(TV.Of(p[stride]), w);
            s2.AddProduct(TV.Of(p[2 * stride]), w);
            s3.AddProduct(TV.Of(p[3 * stride]), w);
            s4.AddProduct(TV.Of(p[4 * stride]), w);
            s5.AddProduct(TV.Of(p[5 * stride]), w);
            s6.AddProduct(TV.Of(p[6 * stride]), w);
            s7.AddProduct(TV.Of(p[7 * stride]), w);
            w = TV.Load(values + Height);
            s0.AddProduct(TV.Of(p[1]), w);
            s1.AddProduct(TV.Of(p[stride + 1]), w);
            s2.AddProduct(TV.Of(p[2 * stride + 1]), w);
            s3.AddProduct(TV.Of(p[3 * stride + 1]), w);
            s4.AddProduct(TV.Of(p[4 * stride + 1]), w);
            s5.AddProduct(TV.Of(p[5 * stride + 1]), w);
            s6.AddProduct(TV.Of(p[6 * stride + 1]), w);
            s7.AddProduct(TV.Of(p[7 * stride + 1]), w);
            w = TV.Load(values + 2 * Height);
            s0.AddProduct(TV.Of(p[2]), w);
            s1.AddProduct(TV.Of(p[stride + 2]), w);
            s2.AddProduct(TV.Of(p[2 * stride + 2]), w);
            s3.AddProduct(TV.Of(p[3 * stride + 2]), w);
            s4.AddProduct(TV.Of(p[4 * stride + 2]), w);
            s5.AddProduct(TV.Of(p[5 * stride + 2]), w);
            s6.AddProduct(TV.Of(p[6 * stride + 2]), w);
            s7.AddProduct(TV.Of(p[7 * stride + 2]), w);
            w = TV.Load(values + 3 * Height);
            s0.AddProduct(TV.Of(p[3]), w);
            s1.AddProduct(TV.Of(p[stride + 3]), w);
            s2.AddProduct(TV.Of(p[2 * stride + 3]), w);
            s3.AddProduct(TV.Of(p[3 * stride + 3]), w);
            s4.AddProduct(TV.Of(p[4 * stride + 3]), w);
            s5.AddProduct(TV.Of(p[5 * stride + 3]), w);
            s6.AddProduct(TV.Of(p[6 * stride + 3]), w);
            s7.AddProduct(TV.Of(p[7 * stride + 3]), w);
        }
        s0.Store(c);
        s1.Store(c + ldc);
        s2.Store(c + 2 * ldc);
        s3.Store(c + 3 * ldc);
        s4.Store(c + 4 * ldc);
        s5.Store(c + 5 * ldc);
        s6.Store(c + 6 * ldc);
        s7.Store(c + 7 * ldc);
    }

    // Sums by turns: one would wait for itself.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<TV>(float* a, int* columns, int blocks, float* values, float* c) where TV : unmanaged, IF32Vector<TV>
    {
        TV s0 = default, s1 = default, s2 = default, s3 = default;
        for (int b = 0; b < blocks; b++, values += Block)
        {
            float* p = a + Width * (nint)columns[b];
            s0.AddProduct(TV.Of(*p), TV.Load(values));
            s1.AddProduct(TV.Of(p[1]), TV.Load(values + Height));
            s2.AddProduct(TV.Of(p[2]), TV.Load(values + 2 * Height));
            s3.AddProduct(TV.Of(p[3]), TV.Load(values + 3 * Height));
        }
        (s0 + s1 + (s2 + s3)).Store(c);
    }

    private static void Scalar(float* a, nint stride, int rows, int* columns, int blocks, float* values, float* c, nint ldc)
    {
        for (int i = 0; i < rows; i++)
            for (int r = 0; r < Height; r++)
            {
                double sum = 0;
                for (int b = 0; b < blocks; b++)
                    for (int k = 0; k < Width; k++) sum += (double)a[i * stride + Width * (nint)columns[b] + k] * values[b * Block + k * Height + r];
                c[i * ldc + r] = (float)sum;
            }
    }

    /// <summary>C[m, n] of all rows of blocks: block row j has the blocks from starts[j] to before starts[j + 1]. A is readable to whole blocks.</summary>
    public static void Run<TEpilogue>(Workers workers, int m, int n, float* a, nint stride, int* starts, int* columns, float* values, float* c, nint ldc, TEpilogue epilogue) where TEpilogue : struct, IGemmEpilogue
    {
        int groups = (n + Height - 1) / Height;
        workers.For(groups, (int)Math.Clamp(262144.0 * groups / Math.Max(1, (double)starts[groups] * Block * m), 1, 4096), new Body<TEpilogue>(m, n, a, stride, starts, columns, values, c, ldc, epilogue));
    }

    private readonly struct Body<TEpilogue>(int m, int n, float* a, nint stride, int* starts, int* columns, float* values, float* c, nint ldc, TEpilogue epilogue) : IParallelBody where TEpilogue : struct, IGemmEpilogue
    {
        // Rows whose results wait in scratch memory.
        private const int RowBlock = 64;

        public void Run(int start, int end)
        {
            var run = Table.Best;
            float* edge = stackalloc float[RowBlock * Height];
            for (int g = start; g < end; g++)
            {
                int column = g * Height, used = Math.Min(Height, n - column), first = starts[g];
                for (int i = 0; i < m; i += RowBlock)
                {
                    int rows = Math.Min(RowBlock, m - i);
                    float* to = c + i * ldc + column;
                    bool whole = used == Height;
                    run(a + i * stride, stride, rows, columns + first, starts[g + 1] - first, values + (nint)first * Block, whole ? to : edge, whole ? ldc : Height);
                    for (int r = 0; r < rows; r++)
                    {
                        if (!whole) new ReadOnlySpan<float>(edge + r * Height, used).CopyTo(new Span<float>(to + r * ldc, used));
                        if (!epilogue.IsEmpty) epilogue.Apply(i + r, column, new Span<float>(to + r * ldc, used));
                    }
                }
            }
        }
    }
}
