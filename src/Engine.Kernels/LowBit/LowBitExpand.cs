using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Some blocks of a panel with a byte a code and a scale a block, in the cache: what <see cref="LowBitTile"/> reads for many rows of activations.</summary>
/// <param name="Codes">For every four columns 32 rows of four bytes.</param>
/// <param name="Scales">f32 [blocks, 32].</param>
/// <param name="Offsets">f32 [blocks, 32], where groups have zero points or minima.</param>
public readonly unsafe record struct LowBitChunk(nint Codes, nint Scales, nint Offsets);

/// <summary>Expands blocks of a low-bit panel to bytes.</summary>
public static unsafe class LowBitExpand
{
    /// <summary>Most blocks of a chunk: 32 KiB of codes.</summary>
    public const int ChunkBlocks = 32;

    /// <summary>Expands blocks [first, first + blocks).</summary>
    public delegate void Fn(in LowBitLayout layout, byte* panel, int first, int blocks, LowBitChunk to);

    /// <summary>Best first.</summary>
    public static KernelTable<Fn> Table { get; } = new("lowbit-expand",
        new("avx512", Avx512BW.IsSupported, Avx512),
        new("vector", Vector128.IsHardwareAccelerated, Vectors),
        new("scalar", true, Scalar));

    /// <summary>Bytes of a chunk of a layout.</summary>
    public static int Bytes(in LowBitLayout l) => ChunkBlocks * LowBitLayout.PanelRows * (l.Block + (l.HasZeros || l.HasMinima ? 8 : 4));

    /// <summary>A chunk at an address.</summary>
    public static LowBitChunk At(in LowBitLayout l, byte* to)
    {
        nint scales = (nint)to + ChunkBlocks * LowBitLayout.PanelRows * l.Block;
        return new((nint)to, scales, scales + ChunkBlocks * LowBitLayout.PanelRows * sizeof(float));
    }

    internal static LowBitChunk Scratch(in LowBitLayout l) => At(l, Kernels.Scratch.Get(Bytes(l)));

    private static void Parameters(in LowBitLayout l, byte* panel, int first, int blocks, LowBitChunk to)
    {
        float* scales = (float*)to.Scales, offsets = (float*)to.Offsets;
        for (int b = 0; b < blocks; b++, scales += LowBitLayout.PanelRows, offsets += LowBitLayout.PanelRows)
        {
            LowBitParameters.Read(l, panel + l.GroupStart((first + b) / l.GroupBlocks), scales, offsets);
        }
    }

    private static void Scalar(in LowBitLayout l, byte* panel, int first, int blocks, LowBitChunk to)
    {
        byte* codes = (byte*)to.Codes;
        for (int b = 0; b < blocks; b++)
            for (int quad = 0; quad < l.Block / 4; quad++)
                for (int r = 0; r < LowBitLayout.PanelRows; r++)
                    for (int k = 0; k < 4; k++) *codes++ = (byte)l.Code(panel + l.BlockStart(first + b), r, quad * 4 + k);
        float* scales = (float*)to.Scales, offsets = (float*)to.Offsets;
        for (int i = 0; i < blocks * LowBitLayout.PanelRows; i++)
        {
            (scales[i], float offset) = l.Parameters(panel + l.GroupStart((first + i / LowBitLayout.PanelRows) / l.GroupBlocks), i % LowBitLayout.PanelRows);
            if (l.HasZeros || l.HasMinima) offsets[i] = offset;
        }
    }

    private static void Vectors(in LowBitLayout l, byte* panel, int first, int blocks, LowBitChunk to)
    {
        byte* codes = (byte*)to.Codes;
        int quads = l.Block / 4;
        for (int b = 0; b < blocks; b++, codes += LowBitLayout.PanelRows * l.Block)
        {
            byte* from = panel + l.BlockStart(first + b);
            switch (l.Bits)
            {
                case 2: Plane(from, codes, quads, 2, 0, false); break;
                case 3:
                    Plane(from, codes, quads, 2, 0, false);
                    Plane(from + 32 * quads, codes, quads, 1, 2, true);
                    break;
                case 4: Plane(from, codes, quads, 4, 0, false); break;
                default:
                    Plane(from, codes, quads, 4, 0, false);
                    Plane(from + 64 * quads, codes, quads, 4, 4, true);
                    break;
            }
        }
        Parameters(l, panel, first, blocks, to);
    }

    // One plane, its fields shifted up by `up`, stored or or-ed to codes that are there.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Plane(byte* from, byte* to, int quads, int bits, int up, bool or)
    {
        int fields = 8 / bits;
        var mask = Vector128.Create((byte)((1 << bits) - 1));
        for (int quad = 0; quad < quads; quad++, to += 128)
        {
            byte* plane = from + quad / fields * 128;
            int shift = quad % fields * bits;
            for (int i = 0; i < 128; i += 16)
            {
                var v = Vector128.ShiftLeft((Vector128.ShiftRightLogical(Vector128.Load(plane + i).AsUInt16(), shift).AsByte() & mask).AsUInt16(), up).AsByte();
                (or ? v | Vector128.Load(to + i) : v).Store(to + i);
            }
        }
    }

    private static void Avx512(in LowBitLayout l, byte* panel, int first, int blocks, LowBitChunk to)
    {
        switch (l.Bits)
        {
            case 2: Codes512<Fields2>(l, panel, first, blocks, (byte*)to.Codes); break;
            case 3: Codes512<Fields3>(l, panel, first, blocks, (byte*)to.Codes); break;
            case 4: Codes512<Fields4>(l, panel, first, blocks, (byte*)to.Codes); break;
            default: Codes512<Fields8>(l, panel, first, blocks, (byte*)to.Codes); break;
        }
        switch (l.Scales)
        {
            case LowBitScales.Row: Parameters(l, panel, first, blocks, to); break;
            case LowBitScales.F16: Scales512<F16Scales512>(l, panel, first, blocks, to); break;
            case LowBitScales.F32: Scales512<F32Scales512>(l, panel, first, blocks, to); break;
            case LowBitScales.F16Zeros: Scales512<F16Zeros512>(l, panel, first, blocks, to); break;
            case LowBitScales.F32Zeros: Scales512<F32Zeros512>(l, panel, first, blocks, to); break;
            case LowBitScales.F16Minima: Scales512<F16Minima512>(l, panel, first, blocks, to); break;
            default: Scales512<F32Minima512>(l, panel, first, blocks, to); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Codes512<TFields>(in LowBitLayout l, byte* panel, int first, int blocks, byte* to) where TFields : struct, ILowBitFields512<TFields>
    {
        var fields = TFields.Create();
        int quads = l.Block / 4, group = l.GroupBlocks, left = group - first % group, parameters = l.ParameterBytes, bytes = l.BlockBytes;
        byte* from = panel + l.BlockStart(first);
        for (int b = 0; b < blocks; b++, from += bytes)
        {
            if (left-- == 0)
            {
                from += parameters;
                left = group - 1;
            }
            Four<TFields>(fields, from, quads, 0, to);
            if (quads > 4) Four<TFields>(fields, from, quads, 4, to + 4 * 128);
            to += 128 * quads;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four<TFields>(in TFields f, byte* block, int quads, int quad, byte* to) where TFields : struct, ILowBitFields512<TFields>
    {
        Quad(f, block, quads, quad, to);
        Quad(f, block, quads, quad + 1, to + 128);
        Quad(f, block, quads, quad + 2, to + 256);
        Quad(f, block, quads, quad + 3, to + 384);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quad<TFields>(in TFields f, byte* block, int quads, int quad, byte* to) where TFields : struct, ILowBitFields512<TFields>
    {
        var (x, y) = (f.Low(block, 0, quad, quads), f.Low(block, 1, quad, quads));
        if (TFields.IsWide)
        {
            x |= Vector512.ShiftLeft(f.High(block, 0, quad, quads).AsUInt16(), 4).AsByte();
            y |= Vector512.ShiftLeft(f.High(block, 1, quad, quads).AsUInt16(), 4).AsByte();
        }
        x.Store(to);
        y.Store(to + 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scales512<TScales>(in LowBitLayout l, byte* panel, int first, int blocks, LowBitChunk to) where TScales : struct, ILowBitScales512
    {
        float* scales = (float*)to.Scales, offsets = (float*)to.Offsets;
        for (int b = first; b < first + blocks; b++, scales += 32, offsets += 32)
        {
            byte* group = panel + l.GroupStart(b / l.GroupBlocks);
            TScales.Scale(group, 0).Store(scales);
            TScales.Scale(group, 1).Store(scales + 16);
            if (!TScales.HasZeros && !TScales.HasMinima) continue;
            TScales.Offset(group, 0).Store(offsets);
            TScales.Offset(group, 1).Store(offsets + 16);
        }
    }
}
