using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// y[r] = Σk w[r, k] · x[k] for one panel of a 2:4 sparse weight in 4 bits (<see cref="NmInt4Layout"/>) and one row of 8-bit activations, 128 more than their values. The sum of a block is an
/// integer, and y ← fma(sum, scale of the activations · scale, y) block after block: all tiers give the same bits.
/// </summary>
public static unsafe partial class NmInt4Gemv
{
    /// <summary>32 results of codes and a scale a block.</summary>
    public delegate void Fn(in NmInt4Layout layout, byte* panel, byte* x, float* scales, float* y);

    /// <summary>Best first.</summary>
    public static KernelTable<Fn> Table { get; } = new("gemv-nm-int4",
        new("avx512", Avx512BW.IsSupported, Tile512),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, Tile256),
        new("advsimd", AdvSimd.Arm64.IsSupported, Tile128),
        new("vector", Vector128.IsHardwareAccelerated, Tile128),
        new("scalar", true, Scalar));

    // Bytes ahead of the codes in use: memory keeps up with one stream.
    private const int Ahead = 4096;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<sbyte> Low(Vector512<byte> x) => (Gfni.V512.IsSupported ? Gfni.V512.GaloisFieldAffineTransform(x, Vector512.Create(0x0102040808080808ul).AsByte(), 0xf8) : (x & Vector512.Create((byte)15)) - Vector512.Create((byte)8)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<sbyte> High(Vector512<byte> x) => (Gfni.V512.IsSupported ? Gfni.V512.GaloisFieldAffineTransform(x, Vector512.Create(0x1020408080808080ul).AsByte(), 0xf8) : ((x.AsUInt16() >> 4).AsByte() & Vector512.Create((byte)15)) - Vector512.Create((byte)8)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Dot(Vector512<byte> positions, ulong* x, Vector512<sbyte> values) =>
        Avx512BW.MultiplyAddAdjacent(Avx512BW.Shuffle(Vector512.Create(*x).AsByte(), (positions & Vector512.Create((byte)3)) | Vector512.Create(0x04040000u).AsByte()), values);

    // Eight dots of at most 255 · 8 · 2, less 128 · the values' sum: all of it fits 16 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Block(Vector512<byte> positions, Vector512<byte> first, Vector512<byte> second, byte* x)
    {
        Vector512<sbyte> a = Low(first), b = High(first), c = Low(second), d = High(second);
        var sums = Dot(positions, (ulong*)x, a) + Dot((positions.AsUInt32() >> 2).AsByte(), (ulong*)x + 1, b) + (Dot((positions.AsUInt32() >> 4).AsByte(), (ulong*)x + 2, c) + Dot((positions.AsUInt32() >> 6).AsByte(), (ulong*)x + 3, d));
        sums -= Avx512BW.MultiplyAddAdjacent(Vector512.Create((byte)128), a + b + (c + d));
        return Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(sums, Vector512.Create((short)1)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Scale512(in NmInt4Layout l, byte* group, int row) => l.HalfScales ? HalfScales.Load512(group + 2 * row) : Vector512.Load((float*)group + row);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile512(in NmInt4Layout l, byte* panel, byte* x, float* scales, float* y)
    {
        const int Vector = 64;
        Vector512<float> y0 = default, y1 = default;
        int left = l.Blocks;
        byte* p = panel;
        for (int group = l.GroupBlocks; left > 0; left -= group)
        {
            Vector512<float> s0 = Scale512(l, p, 0), s1 = Scale512(l, p, 16);
            p += l.ScaleBytes;
            for (int b = Math.Min(group, left); b > 0; b--, p += NmInt4Layout.BlockBytes, x += NmInt4Layout.BlockColumns, scales++)
            {
                for (int k = 0; k < NmInt4Layout.BlockBytes; k += 64) Sse.Prefetch0(p + Ahead + k);
                var t = Vector512.Create(*scales);
                y0 = Vector512.FusedMultiplyAdd(Block(Vector512.Load(p), Vector512.Load(p + 2 * Vector), Vector512.Load(p + 4 * Vector), x), t * s0, y0);
                y1 = Vector512.FusedMultiplyAdd(Block(Vector512.Load(p + Vector), Vector512.Load(p + 3 * Vector), Vector512.Load(p + 5 * Vector), x), t * s1, y1);
            }
        }
        y0.Store(y);
        y1.Store(y + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> Low(Vector256<byte> x) => ((x & Vector256.Create((byte)15)) - Vector256.Create((byte)8)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> High(Vector256<byte> x) => (((x.AsUInt16() >> 4).AsByte() & Vector256.Create((byte)15)) - Vector256.Create((byte)8)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Dot(Vector256<byte> positions, ulong* x, Vector256<sbyte> values) =>
        Avx2.MultiplyAddAdjacent(Avx2.Shuffle(Vector256.Create(*x).AsByte(), (positions & Vector256.Create((byte)3)) | Vector256.Create(0x04040000u).AsByte()), values);

    // Eight dots of at most 255 · 8 · 2, less 128 · the values' sum: all of it fits 16 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Block(Vector256<byte> positions, Vector256<byte> first, Vector256<byte> second, byte* x)
    {
        Vector256<sbyte> a = Low(first), b = High(first), c = Low(second), d = High(second);
        var sums = Dot(positions, (ulong*)x, a) + Dot((positions.AsUInt32() >> 2).AsByte(), (ulong*)x + 1, b) + (Dot((positions.AsUInt32() >> 4).AsByte(), (ulong*)x + 2, c) + Dot((positions.AsUInt32() >> 6).AsByte(), (ulong*)x + 3, d));
        sums -= Avx2.MultiplyAddAdjacent(Vector256.Create((byte)128), a + b + (c + d));
        return Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(sums, Vector256.Create((short)1)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scale256(in NmInt4Layout l, byte* group, int row) => l.HalfScales ? HalfScales.Load256(group + 2 * row) : Vector256.Load((float*)group + row);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile256(in NmInt4Layout l, byte* panel, byte* x, float* scales, float* y)
    {
        const int Vector = 32;
        for (int row = 0; row < NmInt4Layout.PanelRows; row += 8)
        {
            Vector256<float> sum = default;
            int left = l.Blocks;
            byte* p = panel, from = x;
            float* t = scales;
            for (int group = l.GroupBlocks; left > 0; left -= group)
            {
                var s = Scale256(l, p, row);
                p += l.ScaleBytes;
                for (int b = Math.Min(group, left); b > 0; b--, p += NmInt4Layout.BlockBytes, from += NmInt4Layout.BlockColumns, t++)
                    sum = Vector256.FusedMultiplyAdd(Block(Vector256.Load(p + 4 * row), Vector256.Load(p + 4 * Vector + 4 * row), Vector256.Load(p + 8 * Vector + 4 * row), from), Vector256.Create(*t) * s, sum);
            }
            sum.Store(y + row);
        }
    }

    private static void Scalar(in NmInt4Layout l, byte* panel, byte* x, float* scales, float* y)
    {
        for (int r = 0; r < NmInt4Layout.PanelRows; r++)
        {
            float sum = 0;
            for (int b = 0; b < l.Blocks; b++)
            {
                byte* block = panel + l.BlockStart(b), group = panel + l.BlockStart(b / l.GroupBlocks * l.GroupBlocks) - l.ScaleBytes;
                int dot = 0;
                for (int i = 0; i < NmInt4Layout.BlockColumns / 2; i++)
                {
                    var at = NmInt4Layout.Places(r, i / 4, i % 4);
                    int position = block[at.Position] >> at.PositionBit & 3, code = block[at.Code] >> at.CodeBit & 15;
                    dot += (x[b * NmInt4Layout.BlockColumns + i / 2 * 4 + position] - 128) * (code - 8);
                }
                float scale = l.HalfScales ? (float)((Half*)group)[r] : ((float*)group)[r];
                sum = MathF.FusedMultiplyAdd(dot, scales[b] * scale, sum);
            }
            y[r] = sum;
        }
    }

    /// <summary>Bytes of workspace of <see cref="Run"/>.</summary>
    public static long WorkBytes(in NmInt4Layout l, int rows) => Tensors.Checked.Mul(rows, l.Blocks * (NmInt4Layout.BlockColumns + 4L));

    /// <summary>
    /// Rows of f32, rounded to 8 bits with a scale a group, or every 128 columns where groups are longer; rows of x are <paramref name="rowStride"/> floats apart and of y <paramref name="stride"/>.
    /// </summary>
    public static void Run<TEpilogue>(Workers workers, in NmInt4Layout l, byte* packed, int rows, float* x, nint rowStride, byte* work, float* y, nint stride, TEpilogue epilogue) where TEpilogue : struct, IGemmEpilogue
    {
        if (rows == 0 || l.Rows == 0) return;
        float* scales = (float*)(work + (nint)rows * l.Blocks * NmInt4Layout.BlockColumns);
        workers.For(rows, Math.Max(1, 32768 / Math.Max(1, l.Columns)), new QuantizeBody(l, x, rowStride, work, scales));
        workers.For(l.Panels, (int)Math.Clamp(4_000_000 / Math.Max(1, (double)NmInt4Layout.PanelRows * l.Columns * rows), 1, 1 << 20), new Body<TEpilogue>(l, packed, rows, work, scales, y, stride, epilogue));
    }

    private readonly struct QuantizeBody(NmInt4Layout l, float* x, nint rowStride, byte* codes, float* scales) : IParallelBody
    {
        public void Run(int start, int end)
        {
            const int Block = NmInt4Layout.BlockColumns;
            var quantize = QuantizeRows.Table.Best;
            int* sums = stackalloc int[4];
            for (int i = start; i < end; i++)
            {
                byte* to = codes + (nint)i * l.Blocks * Block;
                // Groups of the weight that are no multiple of those of activations begin one anew.
                for (int group = 0; group < l.Blocks; group += l.GroupBlocks)
                    for (int b = group, last = Math.Min(l.Blocks, group + l.GroupBlocks); b < last;)
                    {
                        int blocks = Math.Min(l.ActivationBlocks, last - b);
                        float scale = quantize(x + i * rowStride + b * Block, Math.Min(l.Columns - b * Block, blocks * Block), blocks * Block, Block, 1, (sbyte*)to + b * Block, sums);
                        for (int next = b + blocks; b < next; b++) scales[(nint)i * l.Blocks + b] = scale;
                    }
                for (int j = 0; j < l.Blocks * Block; j += sizeof(ulong)) *(ulong*)(to + j) ^= 0x8080808080808080;
            }
        }
    }

    private readonly struct Body<TEpilogue>(NmInt4Layout l, byte* packed, int rows, byte* codes, float* scales, float* y, nint stride, TEpilogue epilogue) : IParallelBody where TEpilogue : struct, IGemmEpilogue
    {
        public void Run(int start, int end)
        {
            var run = Table.Best;
            float* edge = stackalloc float[NmInt4Layout.PanelRows];
            for (int panel = start; panel < end; panel++)
            {
                int column = panel * NmInt4Layout.PanelRows, used = Math.Min(NmInt4Layout.PanelRows, l.Rows - column);
                for (int i = 0; i < rows; i++)
                {
                    float* to = y + i * stride + column;
                    bool whole = used == NmInt4Layout.PanelRows;
                    run(l, packed + panel * l.PanelBytes, codes + (nint)i * l.Blocks * NmInt4Layout.BlockColumns, scales + (nint)i * l.Blocks, whole ? to : edge);
                    if (!whole) new ReadOnlySpan<float>(edge, used).CopyTo(new Span<float>(to, used));
                    if (!epilogue.IsEmpty) epilogue.Apply(i, column, new Span<float>(to, used));
                }
            }
        }
    }
}
