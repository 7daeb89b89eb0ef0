using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

public static unsafe partial class ConvBlocked
{
    /// <summary>A run of output pixels in one row, for a pair of output blocks: y[p] = bias + Σ w · x[p · Step + tap].</summary>
    public struct Row
    {
        /// <summary>The first pixel's first tap.</summary>
        public float* X;

        /// <summary>Floats between the inputs of two pixels: 1 or 2 pixels of 1 or 16 lanes.</summary>
        public int Step;

        /// <summary>The loops over taps, outermost first: counts, and floats of input from one to the next; the inner loop goes by 1.</summary>
        public int Blocks, Rows, Columns, Inner, LastInner;

        /// <summary>Floats of input from a block, row and column of taps to the next.</summary>
        public nint BlockStep, RowStep, ColumnStep;

        /// <summary>32 weights an inner step, in the order of the loops; <see cref="LastInner"/> of the last block are used.</summary>
        public float* W;

        /// <summary>Weights that come next, or null: each tile fetches the share that begins here, a cache line a step, until <see cref="NextEnd"/>.</summary>
        public float* Next, NextEnd;

        /// <summary>32 values, or null.</summary>
        public float* Bias;

        /// <summary>16 floats a pixel; the second block is null where the pair has one.</summary>
        public float* Y0, Y1;

        /// <summary>Output pixels.</summary>
        public int Pixels;

        /// <summary>Floats of input that pixels from the eighth on lie further: two rows of seven pixels make a row of 14. 0 where all lie in one row.</summary>
        public nint Wrap;

        /// <summary>What is done before storing; its operand lies at <see cref="Y0"/>.</summary>
        public StoreTail Tail;

        /// <summary>The operand at <see cref="Y1"/>, or null.</summary>
        public float* Plus1;

        /// <summary>The share of <see cref="Next"/> after one, or null.</summary>
        internal readonly float* NextShare(float* share)
        {
            if (share is null) return null;
            share += ((nint)(Blocks - 1) * Inner + LastInner) * Rows * Columns * Block;
            return share < NextEnd ? share : null;
        }
    }

    /// <summary>Computes a row.</summary>
    public delegate void RowFn(in Row t);

    /// <summary>Best first: 28 of 32 zmm accumulate, or 12 of 16 ymm; the reference sums in double.</summary>
    public static KernelTable<RowFn> Table { get; } = new("conv-blocked",
        new("avx512", Avx512F.IsSupported, RowAvx512),
        new("avx2", F32x8.IsSupported, static (in Row t) => Strips<F32x8>(t)),
        new("vector", F32x4.IsSupported, static (in Row t) => Strips<F32x4>(t)),
        new("scalar", true, RowScalar));

    // Sizes and distances known to the compiler, so that tiles unroll and addresses are constants.
    private interface INumber { static abstract int Value { get; } }
    private readonly struct N1 : INumber { public static int Value => 1; }
    private readonly struct N2 : INumber { public static int Value => 2; }
    private readonly struct N3 : INumber { public static int Value => 3; }
    private readonly struct N4 : INumber { public static int Value => 4; }
    private readonly struct N5 : INumber { public static int Value => 5; }
    private readonly struct N6 : INumber { public static int Value => 6; }
    private readonly struct N7 : INumber { public static int Value => 7; }
    private readonly struct N8 : INumber { public static int Value => 8; }
    private readonly struct N10 : INumber { public static int Value => 10; }
    private readonly struct N12 : INumber { public static int Value => 12; }
    private readonly struct N14 : INumber { public static int Value => 14; }
    private readonly struct N16 : INumber { public static int Value => 16; }
    private readonly struct N32 : INumber { public static int Value => 32; }

    private static void RowAvx512(in Row t)
    {
        switch (t.Step, t.Y1 is null)
        {
            case (16, false): Row512<N16, N2>(t); break;
            case (16, true): Row512<N16, N1>(t); break;
            case (32, false): Row512<N32, N2>(t); break;
            case (32, true): Row512<N32, N1>(t); break;
            case (1, false): Row512<N1, N2>(t); break;
            case (1, true): Row512<N1, N1>(t); break;
            case (2, false): Row512<N2, N2>(t); break;
            default: Row512<N2, N1>(t); break;
        }
    }

    // Pixels of the widest tile; a rest below the least tile is halved with the tile before it.
    private const int WideTile = 14, LeastTile = 5;

    /// <summary>Wide tiles, then the smallest that holds the rest: it lies over pixels that are done already rather than be narrow.</summary>
    private static void Row512<TStep, TBlocks>(in Row t) where TStep : struct, INumber where TBlocks : struct, INumber
    {
        int p = 0, n = t.Pixels;
        float* next = t.Next;
        for (; n - p == WideTile || n - p >= WideTile + LeastTile; p += WideTile, next = t.NextShare(next)) Tile512<N14, TStep, TBlocks>(t, p, next);
        int rest = n - p;
        if (rest == 0) return;
        // Two tiles where one is too small for the rest, or would have to begin before the row.
        if (rest > WideTile || TileFor(rest) > n)
        {
            int half = (rest + 1) / 2;
            Narrow512<TStep, TBlocks>(t, p, half, next);
            (p, rest) = (p + half, rest - half);
            next = t.NextShare(next);
        }
        int size = TileFor(rest);
        Narrow512<TStep, TBlocks>(t, size <= n ? n - size : p, size <= n ? size : rest, next);
    }

    /// <summary>Pixels of the smallest tile that holds <paramref name="n"/>.</summary>
    private static int TileFor(int n) => n <= 8 ? n : n + n % 2;

    private static void Narrow512<TStep, TBlocks>(in Row t, int pixel, int size, float* next) where TStep : struct, INumber where TBlocks : struct, INumber
    {
        switch (size)
        {
            case 1: Tile512<N1, TStep, TBlocks>(t, pixel, next); break;
            case 2: Tile512<N2, TStep, TBlocks>(t, pixel, next); break;
            case 3: Tile512<N3, TStep, TBlocks>(t, pixel, next); break;
            case 4: Tile512<N4, TStep, TBlocks>(t, pixel, next); break;
            case 5: Tile512<N5, TStep, TBlocks>(t, pixel, next); break;
            case 6: Tile512<N6, TStep, TBlocks>(t, pixel, next); break;
            case 7: Tile512<N7, TStep, TBlocks>(t, pixel, next); break;
            case 8: Tile512<N8, TStep, TBlocks>(t, pixel, next); break;
            case 10: Tile512<N10, TStep, TBlocks>(t, pixel, next); break;
            case 12: Tile512<N12, TStep, TBlocks>(t, pixel, next); break;
            case 14: Tile512<N14, TStep, TBlocks>(t, pixel, next); break;
            // 9, 11 and 13: the next larger tile from one pixel before, or from the start of the row.
            default: Narrow512<TStep, TBlocks>(t, Math.Max(0, pixel - 1), size + 1, next); break;
        }
    }

    /// <summary>A pixel's sums. Two fields, so that the JIT keeps them in registers.</summary>
    private struct Sum512<TBlocks> where TBlocks : struct, INumber
    {
        public Vector512<float> X, Y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(float x, Vector512<float> w0, Vector512<float> w1)
        {
            var v = Vector512.Create(x);
            X = Vector512.FusedMultiplyAdd(v, w0, X);
            if (TBlocks.Value > 1) Y = Vector512.FusedMultiplyAdd(v, w1, Y);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Plus(float* p0, float* p1, int pixel)
        {
            X += Vector512.Load(p0 + pixel * Block);
            if (TBlocks.Value > 1) Y += Vector512.Load(p1 + pixel * Block);
        }

        // The second operand is kept where one is NaN.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* y0, float* y1, int pixel, Vector512<float> low, Vector512<float> high)
        {
            Avx512F.Min(high, Avx512F.Max(low, X)).Store(y0 + pixel * Block);
            if (TBlocks.Value > 1) Avx512F.Min(high, Avx512F.Max(low, Y)).Store(y1 + pixel * Block);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile512<TPixels, TStep, TBlocks>(in Row t, int pixel, float* next) where TPixels : struct, INumber where TStep : struct, INumber where TBlocks : struct, INumber
    {
        Sum512<TBlocks> start = default;
        if (t.Bias != null)
        {
            start.X = Vector512.Load(t.Bias);
            if (TBlocks.Value > 1) start.Y = Vector512.Load(t.Bias + Block);
        }
        Sum512<TBlocks> s0 = start, s1 = start, s2 = start, s3 = start, s4 = start, s5 = start, s6 = start, s7 = start, s8 = start, s9 = start, s10 = start, s11 = start, s12 = start, s13 = start;
        float* w = t.W, block = t.X + (nint)pixel * TStep.Value;
        nint wrap = t.Wrap, ahead = next is null ? 0 : Block;
        if (next is null) next = w;
        for (int b = t.Blocks; b > 0; b--, block += t.BlockStep)
        {
            int inner = b == 1 ? t.LastInner : t.Inner;
            nint skip = (nint)(t.Inner - inner) * Pair;
            float* row = block;
            for (int r = t.Rows; r > 0; r--, row += t.RowStep)
            {
                float* column = row;
                for (int c = t.Columns; c > 0; c--, column += t.ColumnStep, w += skip)
                {
                    float* x = column, end = column + inner;
                    for (; x < end; x++, w += Pair, next += ahead)
                    {
                        Sse.Prefetch1(next);
                        Vector512<float> w0 = Vector512.Load(w), w1 = TBlocks.Value > 1 ? Vector512.Load(w + Block) : default;
                        s0.Add(x[0], w0, w1);
                        if (TPixels.Value > 1) s1.Add(x[TStep.Value], w0, w1);
                        if (TPixels.Value > 2) s2.Add(x[2 * TStep.Value], w0, w1);
                        if (TPixels.Value > 3) s3.Add(x[3 * TStep.Value], w0, w1);
                        if (TPixels.Value > 4) s4.Add(x[4 * TStep.Value], w0, w1);
                        if (TPixels.Value > 5) s5.Add(x[5 * TStep.Value], w0, w1);
                        if (TPixels.Value > 6) s6.Add(x[6 * TStep.Value], w0, w1);
                        if (TPixels.Value > 7) s7.Add(x[wrap + 7 * TStep.Value], w0, w1);
                        if (TPixels.Value > 8) s8.Add(x[wrap + 8 * TStep.Value], w0, w1);
                        if (TPixels.Value > 9) s9.Add(x[wrap + 9 * TStep.Value], w0, w1);
                        if (TPixels.Value > 10) s10.Add(x[wrap + 10 * TStep.Value], w0, w1);
                        if (TPixels.Value > 11) s11.Add(x[wrap + 11 * TStep.Value], w0, w1);
                        if (TPixels.Value > 12) s12.Add(x[wrap + 12 * TStep.Value], w0, w1);
                        if (TPixels.Value > 13) s13.Add(x[wrap + 13 * TStep.Value], w0, w1);
                    }
                }
            }
        }
        float* y0 = t.Y0 + (nint)pixel * Block, y1 = t.Y1 + (nint)pixel * Block;
        if (t.Tail.Plus != null)
        {
            float* p0 = t.Tail.Plus + (nint)pixel * Block, p1 = t.Plus1 + (nint)pixel * Block;
            s0.Plus(p0, p1, 0);
            if (TPixels.Value > 1) s1.Plus(p0, p1, 1);
            if (TPixels.Value > 2) s2.Plus(p0, p1, 2);
            if (TPixels.Value > 3) s3.Plus(p0, p1, 3);
            if (TPixels.Value > 4) s4.Plus(p0, p1, 4);
            if (TPixels.Value > 5) s5.Plus(p0, p1, 5);
            if (TPixels.Value > 6) s6.Plus(p0, p1, 6);
            if (TPixels.Value > 7) s7.Plus(p0, p1, 7);
            if (TPixels.Value > 8) s8.Plus(p0, p1, 8);
            if (TPixels.Value > 9) s9.Plus(p0, p1, 9);
            if (TPixels.Value > 10) s10.Plus(p0, p1, 10);
            if (TPixels.Value > 11) s11.Plus(p0, p1, 11);
            if (TPixels.Value > 12) s12.Plus(p0, p1, 12);
            if (TPixels.Value > 13) s13.Plus(p0, p1, 13);
        }
        Vector512<float> low = Vector512.Create(t.Tail.Low), high = Vector512.Create(t.Tail.High);
        s0.Store(y0, y1, 0, low, high);
        if (TPixels.Value > 1) s1.Store(y0, y1, 1, low, high);
        if (TPixels.Value > 2) s2.Store(y0, y1, 2, low, high);
        if (TPixels.Value > 3) s3.Store(y0, y1, 3, low, high);
        if (TPixels.Value > 4) s4.Store(y0, y1, 4, low, high);
        if (TPixels.Value > 5) s5.Store(y0, y1, 5, low, high);
        if (TPixels.Value > 6) s6.Store(y0, y1, 6, low, high);
        if (TPixels.Value > 7) s7.Store(y0, y1, 7, low, high);
        if (TPixels.Value > 8) s8.Store(y0, y1, 8, low, high);
        if (TPixels.Value > 9) s9.Store(y0, y1, 9, low, high);
        if (TPixels.Value > 10) s10.Store(y0, y1, 10, low, high);
        if (TPixels.Value > 11) s11.Store(y0, y1, 11, low, high);
        if (TPixels.Value > 12) s12.Store(y0, y1, 12, low, high);
        if (TPixels.Value > 13) s13.Store(y0, y1, 13, low, high);
    }
}
