using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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
        new("avx2", Avx2.IsSupported && Fma.IsSupported, Vectors),
        new("scalar", true, Scalar));

    private static void Vectors(float* a, nint stride, int rows, int* columns, int blocks, float* values, float* c, nint ldc)
    {
        int i = 0;
        for (; i <= rows - 8; i += 8) Rows8(a + i * stride, stride, columns, blocks, values, c + i * ldc, ldc);
        for (; i < rows; i++) Rows1(a + i * stride, columns, blocks, values, c + i * ldc);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows8(float* a, nint stride, int* columns, int blocks, float* values, float* c, nint ldc)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (int b = 0; b < blocks; b++, values += Block)
        {
            float* p = a + 4 * (nint)columns[b];
            var w = Vector256.Load(values);
            s0 = Vector256.FusedMultiplyAdd(Vector256.Create(p[0]), w, s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.Create(p[stride + 0]), w, s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.Create(p[2 * stride + 0]), w, s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.Create(p[3 * stride + 0]), w, s3);
            s4 = Vector256.FusedMultiplyAdd(Vector256.Create(p[4 * stride + 0]), w, s4);
            s5 = Vector256.FusedMultiplyAdd(Vector256.Create(p[5 * stride + 0]), w, s5);
            s6 = Vector256.FusedMultiplyAdd(Vector256.Create(p[6 * stride + 0]), w, s6);
            s7 = Vector256.FusedMultiplyAdd(Vector256.Create(p[7 * stride + 0]), w, s7);
            w = Vector256.Load(values + 8);
            s0 = Vector256.FusedMultiplyAdd(Vector256.Create(p[1]), w, s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.Create(p[stride + 1]), w, s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.Create(p[2 * stride + 1]), w, s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.Create(p[3 * stride + 1]), w, s3);
            s4 = Vector256.FusedMultiplyAdd(Vector256.Create(p[4 * stride + 1]), w, s4);
            s5 = Vector256.FusedMultiplyAdd(Vector256.Create(p[5 * stride + 1]), w, s5);
            s6 = Vector256.FusedMultiplyAdd(Vector256.Create(p[6 * stride + 1]), w, s6);
            s7 = Vector256.FusedMultiplyAdd(Vector256.Create(p[7 * stride + 1]), w, s7);
            w = Vector256.Load(values + 16);
            s0 = Vector256.FusedMultiplyAdd(Vector256.Create(p[2]), w, s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.Create(p[stride + 2]), w, s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.Create(p[2 * stride + 2]), w, s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.Create(p[3 * stride + 2]), w, s3);
            s4 = Vector256.FusedMultiplyAdd(Vector256.Create(p[4 * stride + 2]), w, s4);
            s5 = Vector256.FusedMultiplyAdd(Vector256.Create(p[5 * stride + 2]), w, s5);
            s6 = Vector256.FusedMultiplyAdd(Vector256.Create(p[6 * stride + 2]), w, s6);
            s7 = Vector256.FusedMultiplyAdd(Vector256.Create(p[7 * stride + 2]), w, s7);
            w = Vector256.Load(values + 24);
            s0 = Vector256.FusedMultiplyAdd(Vector256.Create(p[3]), w, s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.Create(p[stride + 3]), w, s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.Create(p[2 * stride + 3]), w, s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.Create(p[3 * stride + 3]), w, s3);
            s4 = Vector256.FusedMultiplyAdd(Vector256.Create(p[4 * stride + 3]), w, s4);
            s5 = Vector256.FusedMultiplyAdd(Vector256.Create(p[5 * stride + 3]), w, s5);
            s6 = Vector256.FusedMultiplyAdd(Vector256.Create(p[6 * stride + 3]), w, s6);
            s7 = Vector256.FusedMultiplyAdd(Vector256.Create(p[7 * stride + 3]), w, s7);
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
    private static void Rows1(float* a, int* columns, int blocks, float* values, float* c)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (int b = 0; b < blocks; b++, values += Block)
        {
            float* p = a + 4 * (nint)columns[b];
            s0 = Vector256.FusedMultiplyAdd(Vector256.Create(*p), Vector256.Load(values), s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.Create(p[1]), Vector256.Load(values + 8), s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.Create(p[2]), Vector256.Load(values + 16), s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.Create(p[3]), Vector256.Load(values + 24), s3);
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
