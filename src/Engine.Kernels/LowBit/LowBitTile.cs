using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// y[i, r] (+)= Σk w[r, k] · x[i, k] for up to six rows of 8-bit activations and the 32 rows of an expanded chunk of a low-bit panel;
/// scales of rows are applied afterwards. The arithmetic is that of <see cref="LowBitGemv"/>, and so are the bits.
/// </summary>
public static unsafe partial class LowBitTile
{
    /// <summary>Rows of a register tile.</summary>
    public const int Rows = 6;

    /// <summary>One tile.</summary>
    public readonly struct Tile(in LowBitLayout layout, LowBitChunk chunk, int blocks, sbyte* codes, float* scales, int* sums, nint codeStride, nint blockStride, int rows, float* y, nint stride, bool accumulate)
    {
        /// <summary>Steps of four columns in a block.</summary>
        public readonly int Quads = layout.Block / 4;

        /// <summary>True when groups have zero points.</summary>
        public readonly bool HasZeros = layout.HasZeros;

        /// <summary>The weight; how many blocks of it.</summary>
        public readonly LowBitChunk Chunk = chunk;

        /// <summary>Blocks, and rows of activations that are there.</summary>
        public readonly int Blocks = blocks, Rows = rows;

        /// <summary>Activations of row 0: see <see cref="LowBitActivations"/>.</summary>
        public readonly sbyte* Codes = codes;

        /// <inheritdoc cref="Codes"/>
        public readonly float* Scales = scales;

        /// <inheritdoc cref="Codes"/>
        public readonly int* Sums = sums;

        /// <summary>From a row to the next: of codes; of scales and of sums; of results.</summary>
        public readonly nint CodeStride = codeStride, BlockStride = blockStride, Stride = stride;

        /// <summary>Results of row 0.</summary>
        public readonly float* Y = y;

        /// <summary>True to add to the results.</summary>
        public readonly bool Accumulate = accumulate;

        /// <summary>Row <paramref name="i"/>, or the last one.</summary>
        internal int Row(int i) => Math.Min(i, Rows - 1);
    }

    /// <summary>Computes a tile.</summary>
    public delegate void Fn(in Tile t);

    /// <summary>Codes up to 15; best first. Without VNNI of 512 bits, sums of 16 bits over a block are the fastest.</summary>
    public static KernelTable<Fn> Table { get; } = new("lowbit-tile",
        new("avx512", Avx512BW.IsSupported, Avx512),
        new("avxvnni", AvxVnni.IsSupported, static (in Tile t) => Lanes<Vector256<int>, Lanes256, DotVnni>(t)),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, static (in Tile t) => Lanes<Vector256<int>, Lanes256, Dot256>(t)),
        new("advsimd", Dp.IsSupported, static (in Tile t) => Lanes<Vector128<int>, Lanes128, DotDp>(t)),
        new("vector", Vector128.IsHardwareAccelerated, static (in Tile t) => Lanes<Vector128<int>, Lanes128, Dot128>(t)),
        new("scalar", true, Scalar));

    /// <summary>Codes up to 255; best first: 256 bits of VNNI pass 512 bits of 16-bit products.</summary>
    public static KernelTable<Fn> Table8 { get; } = new("lowbit-tile8",
        new("avxvnni", AvxVnni.IsSupported, static (in Tile t) => Lanes<Vector256<int>, Lanes256, DotVnni>(t)),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, static (in Tile t) => Lanes<Vector256<int>, Lanes256, Dot256Wide>(t)),
        new("advsimd", Dp.IsSupported, static (in Tile t) => Lanes<Vector128<int>, Lanes128, DotDpWide>(t)),
        new("vector", Vector128.IsHardwareAccelerated, static (in Tile t) => Lanes<Vector128<int>, Lanes128, Dot128>(t)),
        new("scalar", true, Scalar));

    /// <summary>The table for the codes of a layout.</summary>
    public static KernelTable<Fn> TableOf(in LowBitLayout layout) => layout.Bits == 8 ? Table8 : Table;

    /// <summary>Multiplies 32 results by the scales of rows behind a panel.</summary>
    internal static void ScaleRows(in LowBitLayout l, byte* panel, float* y)
    {
        float* scales = (float*)(panel + l.PanelBytes) - LowBitLayout.PanelRows;
        for (int r = 0; r < LowBitLayout.PanelRows; r++) y[r] *= scales[r];
    }

    /// <summary>One row of activations against 32 rows of the weight.</summary>
    private struct Row512
    {
        private Vector512<short> _s0, _s1;
        private Vector512<float> _y0, _y1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Begin(float* y, bool accumulate) => (_y0, _y1) = accumulate ? (Vector512.Load(y), Vector512.Load(y + 16)) : default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Clear() => (_s0, _s1) = (default, default);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(Vector512<byte> w0, Vector512<byte> w1, sbyte* x)
        {
            var v = Vector512.Create(*(int*)x).AsSByte();
            _s0 += Avx512BW.MultiplyAddAdjacent(w0, v);
            _s1 += Avx512BW.MultiplyAddAdjacent(w1, v);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Combine(int sum, float scale, float* scales)
        {
            var (one, less, factor) = (Vector512.Create((short)1), Vector512.Create(sum), Vector512.Create(scale));
            _y0 = Avx512F.FusedMultiplyAdd(Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(_s0, one) - less), Vector512.Load(scales) * factor, _y0);
            _y1 = Avx512F.FusedMultiplyAdd(Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(_s1, one) - less), Vector512.Load(scales + 16) * factor, _y1);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Combine(int sum, float scale, float* scales, float* zeros)
        {
            var (one, less, factor) = (Vector512.Create((short)1), Vector512.Create(-(float)sum), Vector512.Create(scale));
            var v0 = Avx512F.FusedMultiplyAdd(Vector512.Load(zeros), less, Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(_s0, one)));
            var v1 = Avx512F.FusedMultiplyAdd(Vector512.Load(zeros + 16), less, Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(_s1, one)));
            _y0 = Avx512F.FusedMultiplyAdd(v0, Vector512.Load(scales) * factor, _y0);
            _y1 = Avx512F.FusedMultiplyAdd(v1, Vector512.Load(scales + 16) * factor, _y1);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* y)
        {
            _y0.Store(y);
            _y1.Store(y + 16);
        }
    }

    private static void Avx512(in Tile t)
    {
        if (t.Rows > 2) Rows6(t);
        else
            for (int i = 0; i < t.Rows; i++) Rows1(t, i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1(in Tile t, int row)
    {
        Row512 r = default;
        float* y = t.Y + row * t.Stride, scales = (float*)t.Chunk.Scales, zeros = (float*)t.Chunk.Zeros, xs = t.Scales + row * t.BlockStride;
        int* sums = t.Sums + row * t.BlockStride;
        sbyte* x = t.Codes + row * t.CodeStride;
        byte* w = (byte*)t.Chunk.Codes;
        int quads = t.Quads;
        bool hasZeros = t.HasZeros;
        r.Begin(y, t.Accumulate);
        for (int b = 0; b < t.Blocks; b++, scales += 32, zeros += 32)
        {
            r.Clear();
            for (int q = quads; q > 0; q--, w += 128, x += 4) r.Add(Vector512.Load(w), Vector512.Load(w + 64), x);
            if (hasZeros) r.Combine(sums[b], xs[b], scales, zeros);
            else r.Combine(sums[b], xs[b], scales);
        }
        r.Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows6(in Tile t)
    {
        Row512 r0 = default, r1 = default, r2 = default, r3 = default, r4 = default, r5 = default;
        float* y = t.Y, scales = (float*)t.Chunk.Scales, zeros = (float*)t.Chunk.Zeros;
        nint stride = t.Stride;
        bool accumulate = t.Accumulate, hasZeros = t.HasZeros;
        r0.Begin(y, accumulate);
        r1.Begin(y + t.Row(1) * stride, accumulate);
        r2.Begin(y + t.Row(2) * stride, accumulate);
        r3.Begin(y + t.Row(3) * stride, accumulate);
        r4.Begin(y + t.Row(4) * stride, accumulate);
        r5.Begin(y + t.Row(5) * stride, accumulate);
        sbyte* x0 = t.Codes, x1 = x0 + t.Row(1) * t.CodeStride, x2 = x0 + t.Row(2) * t.CodeStride, x3 = x0 + t.Row(3) * t.CodeStride, x4 = x0 + t.Row(4) * t.CodeStride, x5 = x0 + t.Row(5) * t.CodeStride;
        nint b1 = t.Row(1) * t.BlockStride, b2 = t.Row(2) * t.BlockStride, b3 = t.Row(3) * t.BlockStride, b4 = t.Row(4) * t.BlockStride, b5 = t.Row(5) * t.BlockStride;
        float* xs = t.Scales;
        int* sums = t.Sums;
        byte* w = (byte*)t.Chunk.Codes;
        int quads = t.Quads;
        nint at = 0;
        for (int left = t.Blocks; left > 0; left--, scales += 32, zeros += 32, xs++, sums++)
        {
            r0.Clear();
            r1.Clear();
            r2.Clear();
            r3.Clear();
            r4.Clear();
            r5.Clear();
            for (int q = quads; q > 0; q -= 2, w += 256, at += 8)
            {
                Vector512<byte> w0 = Vector512.Load(w), w1 = Vector512.Load(w + 64);
                r0.Add(w0, w1, x0 + at);
                r1.Add(w0, w1, x1 + at);
                r2.Add(w0, w1, x2 + at);
                r3.Add(w0, w1, x3 + at);
                r4.Add(w0, w1, x4 + at);
                r5.Add(w0, w1, x5 + at);
                (w0, w1) = (Vector512.Load(w + 128), Vector512.Load(w + 192));
                r0.Add(w0, w1, x0 + at + 4);
                r1.Add(w0, w1, x1 + at + 4);
                r2.Add(w0, w1, x2 + at + 4);
                r3.Add(w0, w1, x3 + at + 4);
                r4.Add(w0, w1, x4 + at + 4);
                r5.Add(w0, w1, x5 + at + 4);
            }
            if (hasZeros)
            {
                r0.Combine(*sums, *xs, scales, zeros);
                r1.Combine(sums[b1], xs[b1], scales, zeros);
                r2.Combine(sums[b2], xs[b2], scales, zeros);
                r3.Combine(sums[b3], xs[b3], scales, zeros);
                r4.Combine(sums[b4], xs[b4], scales, zeros);
                r5.Combine(sums[b5], xs[b5], scales, zeros);
            }
            else
            {
                r0.Combine(*sums, *xs, scales);
                r1.Combine(sums[b1], xs[b1], scales);
                r2.Combine(sums[b2], xs[b2], scales);
                r3.Combine(sums[b3], xs[b3], scales);
                r4.Combine(sums[b4], xs[b4], scales);
                r5.Combine(sums[b5], xs[b5], scales);
            }
        }
        // Missing rows repeat the last one, and store the same.
        r5.Store(y + t.Row(5) * stride);
        r4.Store(y + t.Row(4) * stride);
        r3.Store(y + t.Row(3) * stride);
        r2.Store(y + t.Row(2) * stride);
        r1.Store(y + t.Row(1) * stride);
        r0.Store(y);
    }

    private static void Scalar(in Tile t)
    {
        byte* codes = (byte*)t.Chunk.Codes;
        float* scales = (float*)t.Chunk.Scales, zeros = (float*)t.Chunk.Zeros;
        for (int i = 0; i < t.Rows; i++)
            for (int r = 0; r < LowBitLayout.PanelRows; r++)
            {
                float* y = t.Y + i * t.Stride + r;
                float sum = t.Accumulate ? *y : 0;
                for (int b = 0; b < t.Blocks; b++)
                {
                    int dot = 0, less = t.Sums[i * t.BlockStride + b];
                    for (int k = 0; k < 4 * t.Quads; k++) dot += codes[(b * t.Quads + k / 4) * 128 + 4 * r + k % 4] * t.Codes[i * t.CodeStride + b * 4 * t.Quads + k];
                    float v = t.HasZeros ? MathF.FusedMultiplyAdd(zeros[32 * b + r], -less, dot) : dot - less;
                    sum = MathF.FusedMultiplyAdd(v, scales[32 * b + r] * t.Scales[i * t.BlockStride + b], sum);
                }
                *y = sum;
            }
    }
}
