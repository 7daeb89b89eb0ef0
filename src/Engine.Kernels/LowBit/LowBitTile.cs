using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// y[i, r] (+)= Σk w[r, k] · x[i, k] for rows of 8-bit activations, six of them in a register tile, and the 32 rows of an expanded chunk of a low-bit panel;
/// scales of rows are applied afterwards. The arithmetic is that of <see cref="LowBitGemv"/>, and so are the bits.
/// </summary>
public static unsafe partial class LowBitTile
{
    /// <summary>Rows of a register tile.</summary>
    public const int Rows = 6;

    /// <summary>A product of some rows of activations and an expanded chunk.</summary>
    /// <remarks>The structure engine_lowbit_tile of native/engine-kernels.h.</remarks>
    [StructLayout(LayoutKind.Sequential)]
    public struct Tile
    {
        /// <summary>The weight.</summary>
        public LowBitChunk Chunk;

        /// <summary>
        /// Activations, <see cref="Pitch"/> rows side by side: codes [columns / 4, pitch, 4], scales and sums [blocks, pitch].
        /// </summary>
        public LowBitActivations X;

        /// <summary>Results of row 0, and floats to the next row.</summary>
        public float* Y;

        /// <inheritdoc cref="Y"/>
        public nint Stride;

        /// <summary>From the activations of a register tile to those of the next: bytes of codes, and elements of scales and of sums.</summary>
        public nint CodesStride, ScalesStride;

        /// <summary>With every block of a register tile <see cref="Lines"/> lines of 64 bytes from here on are fetched to the second-level cache: what the next call reads.</summary>
        public byte* Next;

        /// <summary>Steps of four columns in a block; blocks of the weight; rows of activations that are there.</summary>
        public int Quads, Blocks, Rows;

        /// <summary>Rows side by side: 1 where there is one, or <see cref="LowBitTile.Rows"/>.</summary>
        public int Pitch;

        /// <inheritdoc cref="Next"/>
        public int Lines;

        /// <summary>True when groups have zero points; when they have minima; to add to the results.</summary>
        public bool HasZeros, HasMinima, Accumulate;

        /// <summary>A product for a weight of some layout.</summary>
        public Tile(in LowBitLayout layout, LowBitChunk chunk, int blocks, in LowBitActivations x, int pitch, int rows, float* y, nint stride, bool accumulate)
        {
            (Chunk, Blocks, X, Pitch, Rows, Stride, Accumulate) = (chunk, blocks, x, pitch, rows, stride, accumulate);
            Y = y;
            (Quads, HasZeros, HasMinima) = (layout.Block / 4, layout.HasZeros, layout.HasMinima);
        }

        /// <summary>The register tile that begins with a row, its part of <see cref="Next"/> asked for.</summary>
        internal readonly Tile At(int first)
        {
            nint index = first / LowBitTile.Rows;
            for (byte* p = Next + 64 * index * Blocks * Lines, end = p + 64 * Blocks * Lines; Sse.IsSupported && p < end; p += 64) Sse.Prefetch1(p);
            return this with { X = new(X.Codes + index * CodesStride, X.Scales + index * ScalesStride, X.Sums + index * ScalesStride), Y = Y + first * Stride, Rows = Math.Min(LowBitTile.Rows, Rows - first) };
        }

        /// <summary>Results of row <paramref name="i"/>, or of the last one.</summary>
        internal readonly float* Row(int i) => Y + Math.Min(i, Rows - 1) * Stride;
    }

    /// <summary>Computes all rows.</summary>
    public delegate void Fn(in Tile t);

    // Before the tables, which ask for them.
    private static readonly NativeTile s_native = new("lowbit-tile", "avx512vnni"), s_native8 = new("lowbit-tile8", "avx512vnni");

    /// <summary>Codes up to 15; best first. Without VNNI of 512 bits, which only the native library has, sums of 16 bits over a block are the fastest.</summary>
    public static KernelTable<Fn> Table { get; } = new("lowbit-tile",
        new(s_native.Tier, s_native.Exists, Native),
        new("avx512", Avx512BW.IsSupported, Avx512),
        new("avxvnni", AvxVnni.IsSupported, static (in Tile t) => Lanes<Vector256<int>, Lanes256, DotVnni>(t)),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, static (in Tile t) => Lanes<Vector256<int>, Lanes256, Dot256>(t)),
        new("advsimd", Dp.IsSupported, static (in Tile t) => Lanes<Vector128<int>, Lanes128, DotDp>(t)),
        new("vector", Vector128.IsHardwareAccelerated, static (in Tile t) => Lanes<Vector128<int>, Lanes128, Dot128>(t)),
        new("scalar", true, Scalar));

    /// <summary>Codes up to 255; best first: 256 bits of VNNI pass 512 bits of 16-bit products.</summary>
    public static KernelTable<Fn> Table8 { get; } = new("lowbit-tile8",
        new(s_native8.Tier, s_native8.Exists, Native),
        new("avxvnni", AvxVnni.IsSupported, static (in Tile t) => Lanes<Vector256<int>, Lanes256, DotVnni>(t)),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, static (in Tile t) => Lanes<Vector256<int>, Lanes256, Dot256Wide>(t)),
        new("advsimd", Dp.IsSupported, static (in Tile t) => Lanes<Vector128<int>, Lanes128, DotDpWide>(t)),
        new("vector", Vector128.IsHardwareAccelerated, static (in Tile t) => Lanes<Vector128<int>, Lanes128, Dot128>(t)),
        new("scalar", true, Scalar));

    // Codes of 4 and of 8 bits take the same function.
    private static void Native(in Tile t) => s_native.Run(t, 4L * LowBitLayout.PanelRows * t.Rows * t.Blocks * t.Quads);

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
        public void Combine(int sum, float scale, float* scales, float* offsets, bool minima)
        {
            var (one, factor) = (Vector512.Create((short)1), Vector512.Create(scale));
            Vector512<float> v0 = Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(_s0, one)), v1 = Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(_s1, one));
            if (!minima)
            {
                var less = Vector512.Create(-(float)sum);
                v0 = Avx512F.FusedMultiplyAdd(Vector512.Load(offsets), less, v0);
                v1 = Avx512F.FusedMultiplyAdd(Vector512.Load(offsets + 16), less, v1);
            }
            _y0 = Avx512F.FusedMultiplyAdd(v0, Vector512.Load(scales) * factor, _y0);
            _y1 = Avx512F.FusedMultiplyAdd(v1, Vector512.Load(scales + 16) * factor, _y1);
            if (!minima) return;
            var total = Vector512.Create(scale * sum);
            _y0 = Avx512F.FusedMultiplyAdd(Vector512.Load(offsets), total, _y0);
            _y1 = Avx512F.FusedMultiplyAdd(Vector512.Load(offsets + 16), total, _y1);
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
        for (int first = 0; first < t.Rows; first += Rows)
        {
            var one = t.At(first);
            if (one.Rows > 2) Rows6(one);
            else
                for (int i = 0; i < one.Rows; i++) Rows1(one, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1(in Tile t, int row)
    {
        Row512 r = default;
        float* y = t.Row(row), scales = (float*)t.Chunk.Scales, offsets = (float*)t.Chunk.Offsets, xs = t.X.Scales + row;
        int* sums = t.X.Sums + row;
        sbyte* x = t.X.Codes + 4 * row;
        byte* w = (byte*)t.Chunk.Codes;
        int quads = t.Quads, pitch = t.Pitch;
        bool minima = t.HasMinima, offset = t.HasZeros || minima;
        r.Begin(y, t.Accumulate);
        for (int b = t.Blocks; b > 0; b--, scales += 32, offsets += 32, sums += pitch, xs += pitch)
        {
            r.Clear();
            for (int q = quads; q > 0; q--, w += 128, x += 4 * pitch) r.Add(Vector512.Load(w), Vector512.Load(w + 64), x);
            if (offset) r.Combine(*sums, *xs, scales, offsets, minima);
            else r.Combine(*sums, *xs, scales);
        }
        r.Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows6(in Tile t)
    {
        Row512 r0 = default, r1 = default, r2 = default, r3 = default, r4 = default, r5 = default;
        bool accumulate = t.Accumulate, minima = t.HasMinima, offset = t.HasZeros || minima;
        r0.Begin(t.Y, accumulate);
        r1.Begin(t.Row(1), accumulate);
        r2.Begin(t.Row(2), accumulate);
        r3.Begin(t.Row(3), accumulate);
        r4.Begin(t.Row(4), accumulate);
        r5.Begin(t.Row(5), accumulate);
        sbyte* x = t.X.Codes;
        float* xs = t.X.Scales, scales = (float*)t.Chunk.Scales, offsets = (float*)t.Chunk.Offsets;
        int* sums = t.X.Sums;
        byte* w = (byte*)t.Chunk.Codes;
        int quads = t.Quads;
        for (int left = t.Blocks; left > 0; left--, scales += 32, offsets += 32, xs += Rows, sums += Rows)
        {
            r0.Clear();
            r1.Clear();
            r2.Clear();
            r3.Clear();
            r4.Clear();
            r5.Clear();
            for (int q = quads; q > 0; q -= 2, w += 256, x += 8 * Rows)
            {
                Vector512<byte> w0 = Vector512.Load(w), w1 = Vector512.Load(w + 64);
                r0.Add(w0, w1, x);
                r1.Add(w0, w1, x + 4);
                r2.Add(w0, w1, x + 8);
                r3.Add(w0, w1, x + 12);
                r4.Add(w0, w1, x + 16);
                r5.Add(w0, w1, x + 20);
                (w0, w1) = (Vector512.Load(w + 128), Vector512.Load(w + 192));
                r0.Add(w0, w1, x + 24);
                r1.Add(w0, w1, x + 28);
                r2.Add(w0, w1, x + 32);
                r3.Add(w0, w1, x + 36);
                r4.Add(w0, w1, x + 40);
                r5.Add(w0, w1, x + 44);
            }
            if (offset)
            {
                r0.Combine(sums[0], xs[0], scales, offsets, minima);
                r1.Combine(sums[1], xs[1], scales, offsets, minima);
                r2.Combine(sums[2], xs[2], scales, offsets, minima);
                r3.Combine(sums[3], xs[3], scales, offsets, minima);
                r4.Combine(sums[4], xs[4], scales, offsets, minima);
                r5.Combine(sums[5], xs[5], scales, offsets, minima);
            }
            else
            {
                r0.Combine(sums[0], xs[0], scales);
                r1.Combine(sums[1], xs[1], scales);
                r2.Combine(sums[2], xs[2], scales);
                r3.Combine(sums[3], xs[3], scales);
                r4.Combine(sums[4], xs[4], scales);
                r5.Combine(sums[5], xs[5], scales);
            }
        }
        // Missing rows are stored where the last one is stored after them.
        r5.Store(t.Row(5));
        r4.Store(t.Row(4));
        r3.Store(t.Row(3));
        r2.Store(t.Row(2));
        r1.Store(t.Row(1));
        r0.Store(t.Y);
    }

    private static void Scalar(in Tile t)
    {
        for (int first = 0; first < t.Rows; first += Rows) ScalarTile(t.At(first));
    }

    private static void ScalarTile(in Tile t)
    {
        byte* codes = (byte*)t.Chunk.Codes;
        float* scales = (float*)t.Chunk.Scales, offsets = (float*)t.Chunk.Offsets;
        for (int i = 0; i < t.Rows; i++)
            for (int r = 0; r < LowBitLayout.PanelRows; r++)
            {
                float* y = t.Y + i * t.Stride + r;
                float sum = t.Accumulate ? *y : 0;
                for (int b = 0; b < t.Blocks; b++)
                {
                    int dot = 0, less = t.X.Sums[b * t.Pitch + i];
                    for (int k = 0; k < 4 * t.Quads; k++) dot += codes[(b * t.Quads + k / 4) * 128 + 4 * r + k % 4] * t.X.Codes[((b * t.Quads + k / 4) * t.Pitch + i) * 4 + k % 4];
                    float v = t.HasZeros ? MathF.FusedMultiplyAdd(offsets[32 * b + r], -less, dot) : t.HasMinima ? dot : dot - less, scale = t.X.Scales[b * t.Pitch + i];
                    sum = MathF.FusedMultiplyAdd(v, scales[32 * b + r] * scale, sum);
                    if (t.HasMinima) sum = MathF.FusedMultiplyAdd(offsets[32 * b + r], scale * less, sum);
                }
                *y = sum;
            }
    }
}
