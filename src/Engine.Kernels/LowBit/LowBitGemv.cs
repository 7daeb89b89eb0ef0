using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>One row of activations as <see cref="QuantizeRows"/> makes it: codes, then for each block its scale and its sum times <see cref="LowBitLayout.SumFactor"/>.</summary>
public readonly unsafe struct LowBitActivations(sbyte* codes, float* scales, int* sums)
{
    /// <summary>Codes of the padded columns.</summary>
    public readonly sbyte* Codes = codes;

    /// <summary>A scale a block.</summary>
    public readonly float* Scales = scales;

    /// <summary>A sum a block.</summary>
    public readonly int* Sums = sums;
}

/// <summary>
/// y[r] = Σk w[r, k] · x[k] for one panel of a low-bit weight and one row of 8-bit activations.
/// <para>The sum of a block is an integer; v is that less zero · sum of activations, t the product of both scales, and
/// y ← fma(v, t, y) block after block, then y ← fma(minimum, scale · sum of activations, y) where there are minima: all tiers give the same bits, and so does <see cref="LowBitTile"/>.</para>
/// </summary>
public static unsafe class LowBitGemv
{
    /// <summary>32 results.</summary>
    public delegate void Fn(in LowBitLayout layout, byte* panel, in LowBitActivations x, float* y);

    // Before the table, which asks for it.
    private static readonly NativeTile s_native = new("lowbit-gemv", "avx512vnni");

    /// <summary>Best first; the native library has 2 and 4 bits without zero points or minima. Other vectors expand blocks to bytes and run a tile of one row.</summary>
    public static KernelTable<Fn> Table { get; } = new("lowbit-gemv",
        new(s_native.Tier, s_native.Exists && Avx512BW.IsSupported, Native),
        new("avx512", Avx512BW.IsSupported, Avx512),
        new("vector", Vector128.IsHardwareAccelerated, Expanded),
        new("scalar", true, Scalar));

    // Bytes ahead of the codes in use: memory keeps up with one stream.
    private const int Ahead = 4096;

    private static void Native(in LowBitLayout l, byte* panel, in LowBitActivations x, float* y)
    {
        if (l.Bits is 2 or 4 && l.Scales is LowBitScales.Row or LowBitScales.F16 or LowBitScales.F32) s_native.Run(new Call(l, panel, x, y), (long)LowBitLayout.PanelRows * l.PaddedColumns);
        else Avx512(l, panel, x, y);
    }

    /// <summary>The structure engine_lowbit_gemv of native/engine-kernels.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Call(in LowBitLayout l, byte* panel, in LowBitActivations x, float* y)
    {
        public readonly byte* Panel = panel;
        public readonly LowBitActivations X = x;
        public readonly float* Y = y;
        public readonly int Blocks = l.Blocks, GroupBlocks = l.GroupBlocks, Bits = l.Bits, Quads = l.Block / 4, Scales = (int)l.Scales;
    }

    private static void Avx512(in LowBitLayout l, byte* panel, in LowBitActivations x, float* y)
    {
        switch (l.Bits)
        {
            case 2: Codes512<Fields2>(l, panel, x, y); break;
            case 3: Codes512<Fields3>(l, panel, x, y); break;
            case 4: Codes512<Fields4>(l, panel, x, y); break;
            default: Codes512<Fields8>(l, panel, x, y); break;
        }
    }

    private static void Codes512<TFields>(in LowBitLayout l, byte* panel, in LowBitActivations x, float* y) where TFields : struct, ILowBitFields512<TFields>
    {
        switch (l.Scales)
        {
            case LowBitScales.Row: Blocks512<TFields, RowScales512>(l, panel, x, y); break;
            case LowBitScales.F16: Blocks512<TFields, F16Scales512>(l, panel, x, y); break;
            case LowBitScales.F32: Blocks512<TFields, F32Scales512>(l, panel, x, y); break;
            case LowBitScales.F16Zeros: Blocks512<TFields, F16Zeros512>(l, panel, x, y); break;
            case LowBitScales.F32Zeros: Blocks512<TFields, F32Zeros512>(l, panel, x, y); break;
            case LowBitScales.F16Minima: Blocks512<TFields, F16Minima512>(l, panel, x, y); break;
            default: Blocks512<TFields, F32Minima512>(l, panel, x, y); break;
        }
    }

    private static void Blocks512<TFields, TScales>(in LowBitLayout l, byte* panel, in LowBitActivations x, float* y) where TFields : struct, ILowBitFields512<TFields> where TScales : struct, ILowBitScales512
    {
        if (l.Block == 32) Panel512<TFields, TScales, Eight>(l, panel, x, y);
        else Panel512<TFields, TScales, Four>(l, panel, x, y);
    }

    /// <summary>Steps of four columns in a block.</summary>
    internal interface IQuads { static abstract int Count { get; } }
    internal readonly struct Four : IQuads { public static int Count => 4; }
    internal readonly struct Eight : IQuads { public static int Count => 8; }

    /// <summary>Sums of a block: 15 · 127 · 2 · 8 fits 16 bits. Low fields, and what <see cref="ILowBitFields512{T}.High"/> gives.</summary>
    private struct Sums512<TFields, TQuads> where TFields : struct, ILowBitFields512<TFields> where TQuads : struct, IQuads
    {
        private Vector512<short> _low0, _low1, _high0, _high1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(in TFields fields, byte* block, sbyte* x, int quad)
        {
            var v = Vector512.Create(((int*)x)[quad]).AsSByte();
            _low0 += Avx512BW.MultiplyAddAdjacent(fields.Low(block, 0, quad, TQuads.Count), v);
            _low1 += Avx512BW.MultiplyAddAdjacent(fields.Low(block, 1, quad, TQuads.Count), v);
            if (!TFields.IsWide) return;
            _high0 += Avx512BW.MultiplyAddAdjacent(fields.High(block, 0, quad, TQuads.Count), v);
            _high1 += Avx512BW.MultiplyAddAdjacent(fields.High(block, 1, quad, TQuads.Count), v);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<int> Total(int half)
        {
            var low = Avx512BW.MultiplyAddAdjacent(half == 0 ? _low0 : _low1, Vector512.Create((short)1));
            return TFields.IsWide ? low + Avx512BW.MultiplyAddAdjacent(half == 0 ? _high0 : _high1, Vector512.Create((short)16)) : low;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Panel512<TFields, TScales, TQuads>(in LowBitLayout l, byte* p, in LowBitActivations x, float* y)
        where TFields : struct, ILowBitFields512<TFields> where TScales : struct, ILowBitScales512 where TQuads : struct, IQuads
    {
        var fields = TFields.Create();
        Vector512<float> y0 = default, y1 = default;
        byte* rows = p + l.PanelBytes - LowBitLayout.PanelRows * sizeof(float);
        sbyte* codes = x.Codes;
        float* scales = x.Scales;
        int* sums = x.Sums;
        int left = l.Blocks, group = l.GroupBlocks;
        int bytes = 16 * TQuads.Count * TFields.Bits;
        while (left > 0)
        {
            byte* parameters = p;
            p += TScales.Bytes;
            int n = Math.Min(group, left);
            left -= n;
            Prefetch(parameters + Ahead, TScales.Bytes);
            Vector512<float> s0 = TScales.Scale(parameters, 0), s1 = TScales.Scale(parameters, 1), z0 = TScales.Offset(parameters, 0), z1 = TScales.Offset(parameters, 1);
            do
            {
                Prefetch(p + Ahead, 16 * TQuads.Count * TFields.Bits);
                Sums512<TFields, TQuads> s = default;
                s.Add(fields, p, codes, 0);
                s.Add(fields, p, codes, 1);
                s.Add(fields, p, codes, 2);
                s.Add(fields, p, codes, 3);
                if (TQuads.Count > 4)
                {
                    s.Add(fields, p, codes, 4);
                    s.Add(fields, p, codes, 5);
                    s.Add(fields, p, codes, 6);
                    s.Add(fields, p, codes, 7);
                }
                Vector512<float> v0, v1;
                if (TScales.HasZeros)
                {
                    var sum = Vector512.Create(-(float)*sums);
                    v0 = Avx512F.FusedMultiplyAdd(z0, sum, Vector512.ConvertToSingle(s.Total(0)));
                    v1 = Avx512F.FusedMultiplyAdd(z1, sum, Vector512.ConvertToSingle(s.Total(1)));
                }
                else if (TScales.HasMinima)
                {
                    v0 = Vector512.ConvertToSingle(s.Total(0));
                    v1 = Vector512.ConvertToSingle(s.Total(1));
                }
                else
                {
                    var sum = Vector512.Create(*sums);
                    v0 = Vector512.ConvertToSingle(s.Total(0) - sum);
                    v1 = Vector512.ConvertToSingle(s.Total(1) - sum);
                }
                var scale = Vector512.Create(*scales);
                y0 = Avx512F.FusedMultiplyAdd(v0, TScales.HasScales ? s0 * scale : scale, y0);
                y1 = Avx512F.FusedMultiplyAdd(v1, TScales.HasScales ? s1 * scale : scale, y1);
                if (TScales.HasMinima)
                {
                    var sum = Vector512.Create(*scales * *sums);
                    y0 = Avx512F.FusedMultiplyAdd(z0, sum, y0);
                    y1 = Avx512F.FusedMultiplyAdd(z1, sum, y1);
                }
                p += bytes;
                codes += 4 * TQuads.Count;
                scales++;
                sums++;
            }
            while (--n > 0);
        }
        if (!TScales.HasScales)
        {
            y0 *= Vector512.Load((float*)rows);
            y1 *= Vector512.Load((float*)rows + 16);
        }
        y0.Store(y);
        y1.Store(y + 16);
    }

    // Written out, because a loop would not be unrolled; the length is a constant of the caller's, and the conditions with it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(byte* p, int bytes)
    {
        if (bytes > 0) Sse.Prefetch0(p);
        if (bytes > 64) Sse.Prefetch0(p + 64);
        if (bytes > 128) Sse.Prefetch0(p + 128);
        if (bytes > 192) Sse.Prefetch0(p + 192);
        if (bytes > 256) Sse.Prefetch0(p + 256);
        if (bytes > 320) Sse.Prefetch0(p + 320);
        if (bytes > 384) Sse.Prefetch0(p + 384);
        if (bytes > 448) Sse.Prefetch0(p + 448);
        if (bytes > 512) Prefetch(p + 512, bytes - 512);
    }

    private static void Expanded(in LowBitLayout l, byte* panel, in LowBitActivations x, float* y)
    {
        var (expand, tile) = (LowBitExpand.Table.Best, LowBitTile.TableOf(l).Best);
        var chunk = LowBitExpand.Scratch(l);
        for (int block = 0; block < l.Blocks; block += LowBitExpand.ChunkBlocks)
        {
            int blocks = Math.Min(LowBitExpand.ChunkBlocks, l.Blocks - block);
            expand(l, panel, block, blocks, chunk);
            tile(new(l, chunk, blocks, new(x.Codes + block * l.Block, x.Scales + block, x.Sums + block), 1, 1, y, 0, block > 0));
        }
        if (l.Scales == LowBitScales.Row) LowBitTile.ScaleRows(l, panel, y);
    }

    private static void Scalar(in LowBitLayout l, byte* panel, in LowBitActivations x, float* y)
    {
        for (int r = 0; r < LowBitLayout.PanelRows; r++)
        {
            float sum = 0;
            for (int b = 0; b < l.Blocks; b++)
            {
                int dot = 0;
                for (int k = 0; k < l.Block; k++) dot += l.Code(panel + l.BlockStart(b), r, k) * x.Codes[b * l.Block + k];
                var (scale, offset) = l.Parameters(panel + l.GroupStart(b / l.GroupBlocks), r);
                float v = l.HasZeros ? MathF.FusedMultiplyAdd(offset, -x.Sums[b], dot) : l.HasMinima ? dot : dot - x.Sums[b];
                sum = MathF.FusedMultiplyAdd(v, scale * x.Scales[b], sum);
                if (l.HasMinima) sum = MathF.FusedMultiplyAdd(offset, x.Scales[b] * x.Sums[b], sum);
            }
            y[r] = l.Scales == LowBitScales.Row ? sum * ((float*)(panel + l.PanelBytes))[r - LowBitLayout.PanelRows] : sum;
        }
    }
}
