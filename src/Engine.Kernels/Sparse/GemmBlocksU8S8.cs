using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// C[m, 8] = Σ A[m, k]·B[k, 8] of u8 and s8 for one row of the 8 × 4 blocks of a sparse weight, exact in 32 bits: a block [8, 4] is a vector of quads, a weight's row in every lane, and meets the
/// four activations of a row from 4 · columns[b] on, which are one broadcast. An instruction adds 32 products on one load.
/// </summary>
public static unsafe partial class GemmBlocksU8S8
{
    /// <summary>Rows and columns of a block of the weight.</summary>
    public const int Height = 8, Width = 4;

    private const int Block = Height * Width;

    /// <summary>Some rows of A, <paramref name="stride"/> bytes apart, by one row of blocks into rows of C, <paramref name="ldc"/> apart, which begin with the eight of <paramref name="start"/>.</summary>
    public delegate void Fn(byte* a, nint stride, int rows, int* columns, int blocks, sbyte* values, int* start, int* c, nint ldc);

    /// <summary>Best first: 256 bits are a block, so that 512 would need two broadcasts.</summary>
    public static KernelTable<Fn> Table { get; } = new("gemm-blocks-u8s8",
        new("avxvnni", AvxVnni.IsSupported, Rows<DotAvxVnni, Vector256<int>, Vector256<byte>, Vector256<sbyte>>),
        new("avx2", Avx2.IsSupported, Rows<DotAvx2, Vector256<int>, Pair<Vector256<short>>, Pair<Vector256<short>>>),
        new("advsimd", Dp.IsSupported, Rows<DotArm, Pair<Vector128<int>>, Vector128<sbyte>, Vector128<sbyte>>),
        new("scalar", true, Scalar));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows<T, TSum, TA, TB>(byte* a, nint stride, int rows, int* columns, int blocks, sbyte* values, int* start, int* c, nint ldc) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        for (int j = 0; j < Height; j += T.Lanes)
        {
            int i = 0;
            for (; i <= rows - 8; i += 8) Rows8<T, TSum, TA, TB>(a + i * stride, stride, columns, blocks, values + Width * j, start + j, c + i * ldc + j, ldc);
            for (; i <= rows - 4; i += 4) Rows4<T, TSum, TA, TB>(a + i * stride, stride, columns, blocks, values + Width * j, start + j, c + i * ldc + j, ldc);
            for (; i < rows; i++) Rows1<T, TSum, TA, TB>(a + i * stride, columns, blocks, values + Width * j, start + j, c + i * ldc + j);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows8<T, TSum, TA, TB>(byte* a, nint stride, int* columns, int blocks, sbyte* values, int* start, int* c, nint ldc) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        TSum s0 = T.Load(start), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
        for (int b = 0; b < blocks; b++, values += Block)
        {
            byte* p = a + Width * (nint)columns[b], p4 = p + 4 * stride;
            TB w = T.Columns(values);
            s0 = T.Add(s0, T.Row(p), w);
            s1 = T.Add(s1, T.Row(p + stride), w);
            s2 = T.Add(s2, T.Row(p + 2 * stride), w);
            s3 = T.Add(s3, T.Row(p4 - stride), w);
            s4 = T.Add(s4, T.Row(p4), w);
            s5 = T.Add(s5, T.Row(p4 + stride), w);
            s6 = T.Add(s6, T.Row(p4 + 2 * stride), w);
            s7 = T.Add(s7, T.Row(p4 + 3 * stride), w);
        }
        T.Store(s0, c);
        T.Store(s1, c + ldc);
        T.Store(s2, c + 2 * ldc);
        T.Store(s3, c + 3 * ldc);
        T.Store(s4, c + 4 * ldc);
        T.Store(s5, c + 5 * ldc);
        T.Store(s6, c + 6 * ldc);
        T.Store(s7, c + 7 * ldc);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<T, TSum, TA, TB>(byte* a, nint stride, int* columns, int blocks, sbyte* values, int* start, int* c, nint ldc) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        TSum s0 = T.Load(start), s1 = s0, s2 = s0, s3 = s0;
        for (int b = 0; b < blocks; b++, values += Block)
        {
            byte* p = a + Width * (nint)columns[b];
            TB w = T.Columns(values);
            s0 = T.Add(s0, T.Row(p), w);
            s1 = T.Add(s1, T.Row(p + stride), w);
            s2 = T.Add(s2, T.Row(p + 2 * stride), w);
            s3 = T.Add(s3, T.Row(p + 3 * stride), w);
        }
        T.Store(s0, c);
        T.Store(s1, c + ldc);
        T.Store(s2, c + 2 * ldc);
        T.Store(s3, c + 3 * ldc);
    }

    // Sums by turns: one would wait for itself.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<T, TSum, TA, TB>(byte* a, int* columns, int blocks, sbyte* values, int* start, int* c) where T : struct, IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        TSum s0 = T.Load(start), s1 = default, s2 = default, s3 = default;
        int b = 0;
        for (; b <= blocks - 4; b += 4, values += 4 * Block)
        {
            s0 = T.Add(s0, T.Row(a + Width * (nint)columns[b]), T.Columns(values));
            s1 = T.Add(s1, T.Row(a + Width * (nint)columns[b + 1]), T.Columns(values + Block));
            s2 = T.Add(s2, T.Row(a + Width * (nint)columns[b + 2]), T.Columns(values + 2 * Block));
            s3 = T.Add(s3, T.Row(a + Width * (nint)columns[b + 3]), T.Columns(values + 3 * Block));
        }
        for (; b < blocks; b++, values += Block) s0 = T.Add(s0, T.Row(a + Width * (nint)columns[b]), T.Columns(values));
        T.Store(T.Plus(T.Plus(s0, s1), T.Plus(s2, s3)), c);
    }

    private static void Scalar(byte* a, nint stride, int rows, int* columns, int blocks, sbyte* values, int* start, int* c, nint ldc)
    {
        for (int i = 0; i < rows; i++)
            for (int r = 0; r < Height; r++)
            {
                int sum = start[r];
                for (int b = 0; b < blocks; b++)
                    for (int k = 0; k < Width; k++) sum = unchecked(sum + a[i * stride + Width * (nint)columns[b] + k] * values[b * Block + r * Width + k]);
                c[i * ldc + r] = sum;
            }
    }
}
