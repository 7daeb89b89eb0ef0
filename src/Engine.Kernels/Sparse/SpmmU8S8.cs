using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// C[m, n] = Σk A[m, k]·B[k, n] of u8 and s8, exact in 32 bits, for a B of which any entries are zero and for many rows: rows of A lie in the lanes, a quad of k in a lane, so that a quad of B that
/// has an entry is one broadcast and an instruction a vector of rows. Bringing four entries from anywhere together would take two unpacks for each of those; at a tenth of the entries a third of the quads has any.
/// <para>A is transposed once, in blocks of <see cref="BlockDepth"/> quads × <see cref="BlockRows"/> rows that the first-level cache holds. B is stored by those blocks, and in them by columns:
/// quads s8 [4], and their places in the block, a byte each.</para>
/// </summary>
public static unsafe partial class SpmmU8S8
{
    /// <summary>Rows of A that are computed at once, and quads of a sum that meet them.</summary>
    public const int BlockRows = 64, BlockDepth = 96;

    /// <summary>Bytes of A that a quad of B meets, and of a transposed block.</summary>
    internal const int QuadBytes = 4 * BlockRows, BlockBytes = BlockDepth * QuadBytes;

    /// <summary>Columns of B by one transposed block, added to C.</summary>
    /// <remarks>The structure engine_spmm_tile of native/engine-kernels.h.</remarks>
    /// <param name="a">The block [<see cref="BlockDepth"/>, <see cref="BlockRows"/>, 4].</param>
    /// <param name="quads">Quads of B.</param>
    /// <param name="places">A quad's place in the block, a byte each.</param>
    /// <param name="starts">The first quad of every column, and the end of the last.</param>
    /// <param name="c">The sums [Columns, <see cref="BlockRows"/>].</param>
    /// <param name="rows">Rows that count, from 1; others may be computed too.</param>
    /// <param name="columns">Columns.</param>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct Tile(byte* a, sbyte* quads, byte* places, int* starts, int* c, int rows, int columns)
    {
        /// <inheritdoc cref="Tile"/>
        public readonly byte* A = a;

        /// <inheritdoc cref="Tile"/>
        public readonly sbyte* Quads = quads;

        /// <inheritdoc cref="Tile"/>
        public readonly byte* Places = places;

        /// <inheritdoc cref="Tile"/>
        public readonly int* Starts = starts, C = c;

        /// <inheritdoc cref="Tile"/>
        public readonly int Rows = rows, Columns = columns;
    }

    /// <summary>Some columns by a block of A.</summary>
    public delegate void TileFn(in Tile t);

    // Before the table, which asks for it.
    private static readonly NativeTile s_native = new("spmm-u8s8", "avx512vnni", "none");

    /// <summary>Best first: vpdpbusd, with 512 bits only in the native library.</summary>
    public static KernelTable<TileFn> Table { get; } = new("spmm-u8s8",
        new("avx512vnni", s_native.Exists, Native),
        new("avxvnni", AvxVnni.IsSupported, Lanes<DotAvxVnni, Vector256<int>, Vector256<byte>, Vector256<sbyte>>),
        new("avx512", Avx512BW.IsSupported, Lanes<DotAvx512, Vector512<int>, Pair<Vector512<short>>, Pair<Vector512<short>>>),
        new("avx2", Avx2.IsSupported, Lanes<DotAvx2, Vector256<int>, Pair<Vector256<short>>, Pair<Vector256<short>>>),
        new("advsimd", Dp.IsSupported, Lanes<DotArm, Pair<Vector128<int>>, Vector128<sbyte>, Vector128<sbyte>>),
        new("scalar", true, Scalar));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Native(in Tile t) => s_native.Run(t, (long)QuadBytes * (t.Starts[t.Columns] - *t.Starts));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lanes<T, TSum, TA, TB>(in Tile t) where T : struct, IQuadDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        int row = 0;
        for (; row + 4 * T.Lanes < t.Rows && row <= BlockRows - 8 * T.Lanes; row += 8 * T.Lanes) Eight<T, TSum, TA, TB>(t, row);
        for (; row + 2 * T.Lanes < t.Rows; row += 4 * T.Lanes) Four<T, TSum, TA, TB>(t, row);
        for (; row < t.Rows; row += 2 * T.Lanes) Two<T, TSum, TA, TB>(t, row);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight<T, TSum, TA, TB>(in Tile t, int row) where T : struct, IQuadDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        byte* a = t.A + 4 * row, places = t.Places;
        sbyte* quads = t.Quads;
        int* c = t.C + row, starts = t.Starts;
        for (int j = 0; j < t.Columns; j++, c += BlockRows)
        {
            TSum s0 = T.Load(c), s1 = T.Load(c + T.Lanes), s2 = T.Load(c + 2 * T.Lanes), s3 = T.Load(c + 3 * T.Lanes);
            TSum s4 = T.Load(c + 4 * T.Lanes), s5 = T.Load(c + 5 * T.Lanes), s6 = T.Load(c + 6 * T.Lanes), s7 = T.Load(c + 7 * T.Lanes);
            nint end = starts[j + 1];
            for (nint e = starts[j]; e < end; e++)
            {
                byte* p = a + QuadBytes * (nint)places[e];
                TB w = T.Quad(quads + 4 * e);
                s0 = T.Add(s0, T.Quads(p), w);
                s1 = T.Add(s1, T.Quads(p + 4 * T.Lanes), w);
                s2 = T.Add(s2, T.Quads(p + 8 * T.Lanes), w);
                s3 = T.Add(s3, T.Quads(p + 12 * T.Lanes), w);
                s4 = T.Add(s4, T.Quads(p + 16 * T.Lanes), w);
                s5 = T.Add(s5, T.Quads(p + 20 * T.Lanes), w);
                s6 = T.Add(s6, T.Quads(p + 24 * T.Lanes), w);
                s7 = T.Add(s7, T.Quads(p + 28 * T.Lanes), w);
            }
            T.Store(s0, c);
            T.Store(s1, c + T.Lanes);
            T.Store(s2, c + 2 * T.Lanes);
            T.Store(s3, c + 3 * T.Lanes);
            T.Store(s4, c + 4 * T.Lanes);
            T.Store(s5, c + 5 * T.Lanes);
            T.Store(s6, c + 6 * T.Lanes);
            T.Store(s7, c + 7 * T.Lanes);
        }
    }

    /// <summary>Four vectors of rows, quads by turns: a sum alone would wait for itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four<T, TSum, TA, TB>(in Tile t, int row) where T : struct, IQuadDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        byte* a = t.A + 4 * row, places = t.Places;
        sbyte* quads = t.Quads;
        int* c = t.C + row, starts = t.Starts;
        for (int j = 0; j < t.Columns; j++, c += BlockRows)
        {
            TSum s0 = T.Load(c), s1 = T.Load(c + T.Lanes), s2 = T.Load(c + 2 * T.Lanes), s3 = T.Load(c + 3 * T.Lanes), r0 = default, r1 = default, r2 = default, r3 = default;
            nint e = starts[j], end = starts[j + 1];
            for (; e < end - 1; e += 2)
            {
                byte* p = a + QuadBytes * (nint)places[e], q = a + QuadBytes * (nint)places[e + 1];
                TB w = T.Quad(quads + 4 * e), v = T.Quad(quads + 4 * e + 4);
                s0 = T.Add(s0, T.Quads(p), w);
                s1 = T.Add(s1, T.Quads(p + 4 * T.Lanes), w);
                s2 = T.Add(s2, T.Quads(p + 8 * T.Lanes), w);
                s3 = T.Add(s3, T.Quads(p + 12 * T.Lanes), w);
                r0 = T.Add(r0, T.Quads(q), v);
                r1 = T.Add(r1, T.Quads(q + 4 * T.Lanes), v);
                r2 = T.Add(r2, T.Quads(q + 8 * T.Lanes), v);
                r3 = T.Add(r3, T.Quads(q + 12 * T.Lanes), v);
            }
            if (e < end)
            {
                byte* p = a + QuadBytes * (nint)places[e];
                TB w = T.Quad(quads + 4 * e);
                s0 = T.Add(s0, T.Quads(p), w);
                s1 = T.Add(s1, T.Quads(p + 4 * T.Lanes), w);
                s2 = T.Add(s2, T.Quads(p + 8 * T.Lanes), w);
                s3 = T.Add(s3, T.Quads(p + 12 * T.Lanes), w);
            }
            T.Store(T.Plus(s0, r0), c);
            T.Store(T.Plus(s1, r1), c + T.Lanes);
            T.Store(T.Plus(s2, r2), c + 2 * T.Lanes);
            T.Store(T.Plus(s3, r3), c + 3 * T.Lanes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Two<T, TSum, TA, TB>(in Tile t, int row) where T : struct, IQuadDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
    {
        byte* a = t.A + 4 * row, places = t.Places;
        sbyte* quads = t.Quads;
        int* c = t.C + row, starts = t.Starts;
        for (int j = 0; j < t.Columns; j++, c += BlockRows)
        {
            TSum s0 = T.Load(c), s1 = T.Load(c + T.Lanes), r0 = default, r1 = default;
            nint e = starts[j], end = starts[j + 1];
            for (; e < end - 1; e += 2)
            {
                byte* p = a + QuadBytes * (nint)places[e], q = a + QuadBytes * (nint)places[e + 1];
                TB w = T.Quad(quads + 4 * e), v = T.Quad(quads + 4 * e + 4);
                s0 = T.Add(s0, T.Quads(p), w);
                s1 = T.Add(s1, T.Quads(p + 4 * T.Lanes), w);
                r0 = T.Add(r0, T.Quads(q), v);
                r1 = T.Add(r1, T.Quads(q + 4 * T.Lanes), v);
            }
            if (e < end)
            {
                byte* p = a + QuadBytes * (nint)places[e];
                TB w = T.Quad(quads + 4 * e);
                s0 = T.Add(s0, T.Quads(p), w);
                s1 = T.Add(s1, T.Quads(p + 4 * T.Lanes), w);
            }
            T.Store(T.Plus(s0, r0), c);
            T.Store(T.Plus(s1, r1), c + T.Lanes);
        }
    }

    private static void Scalar(in Tile t)
    {
        for (int j = 0; j < t.Columns; j++)
            for (int e = t.Starts[j]; e < t.Starts[j + 1]; e++)
                for (int i = 0; i < t.Rows; i++)
                {
                    byte* p = t.A + QuadBytes * (nint)t.Places[e] + 4 * i;
                    sbyte* w = t.Quads + 4 * (nint)e;
                    ref int sum = ref t.C[(nint)j * BlockRows + i];
                    sum = unchecked(sum + p[0] * w[0] + p[1] * w[1] + p[2] * w[2] + p[3] * w[3]);
                }
    }
}
