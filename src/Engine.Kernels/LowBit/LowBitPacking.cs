using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>From a <see cref="Quantized"/> weight to the panels of a <see cref="LowBitLayout"/>.</summary>
public static unsafe class LowBitPacking
{
    // Found once: scales and zero points are looked through.
    private static readonly ConditionalWeakTable<Quantized, Found> s_plain = [], s_transposed = [];

    private sealed record Found(LowBitLayout? Layout);

    // A table in the head has so many entries.
    private const int LargestTableBits = 4;

    /// <summary>
    /// The layout of the matrix that <paramref name="w"/> is, transposed where <paramref name="transposed"/>: its rows are then the weight's
    /// axis 1. Null where it has none: groups that are no multiple of 16 columns or run along the other axis, zero points that are no whole
    /// codes, tables of more than 16 entries, scales that are not finite.
    /// </summary>
    public static LowBitLayout? Layout(Quantized w, bool transposed) => (transposed ? s_transposed.GetValue(w, static w => new(Find(w, true))) : s_plain.GetValue(w, static w => new(Find(w, false)))).Layout;

    private static LowBitLayout? Find(Quantized w, bool transposed)
    {
        if (w.Shape.Rank != 2 || w.Shape.Elements == 0 || w.Table is not null && w.Bits > LargestTableBits) return null;
        int rows = w.Shape.Int(transposed ? 1 : 0), columns = w.Shape.Int(transposed ? 0 : 1), rowAxis = transposed ? 1 : 0;
        bool byRow = w.Granularity == Granularity.Tensor || w.Granularity == Granularity.Channel && (w.Axis == rowAxis || w.Shape[w.Axis] == 1);
        if (!byRow && (w.Granularity != Granularity.Group || w.Axis == rowAxis)) return null;
        int group = byRow ? columns : Math.Min(w.Group, columns);
        bool whole = group == columns;
        if (!whole && group % 16 != 0) return null;
        int block = whole || group % 32 == 0 ? 32 : 16;
        int bits = w.Bits switch { <= 2 => 2, 3 when block == 32 && w.Table is null => 3, <= 4 => 4, _ => 8 };
        var scales = Kind(w, byRow, out int zero);
        return scales is { } s ? new(rows, columns, bits, block, (int)Checked.CeilDiv(group, block), s, zero, w.Table is null) : null;
    }

    private static LowBitScales? Kind(Quantized w, bool byRow, out int zero)
    {
        var scaleValues = w.Scale.ToF32();
        bool half = true;
        foreach (float s in scaleValues.Span<float>())
        {
            if (!float.IsFinite(s)) return Fail(out zero);
            half &= (float)(Half)s == s;
        }
        GC.KeepAlive(scaleValues);
        zero = 0;
        if (w.Minimum is not null)
        {
            var minima = w.Minimum.ToF32();
            foreach (float m in minima.Span<float>()) half &= (float)(Half)m == m;
            GC.KeepAlive(minima);
            return half ? LowBitScales.F16Minima : LowBitScales.F32Minima;
        }
        var common = byRow ? LowBitScales.Row : half ? LowBitScales.F16 : LowBitScales.F32;
        int middle = w.Signed || w.Table is null ? 1 << (w.Bits - 1) : 0;
        if (w.Zero is null)
        {
            zero = middle;
            return common;
        }
        var zeros = w.Zero.ToF32();
        bool one = true;
        float first = zeros.Span<float>()[0];
        foreach (float z in zeros.Span<float>())
        {
            // Signed codes are stored as unsigned ones.
            float u = w.Signed ? z + middle : z;
            if (!(u >= 0 && u <= 255 && u == MathF.Floor(u))) return Fail(out zero);
            one &= z == first;
        }
        GC.KeepAlive(zeros);
        if (!one) return half ? LowBitScales.F16Zeros : LowBitScales.F32Zeros;
        zero = (int)first + (w.Signed ? middle : 0);
        return common;
    }

    private static LowBitScales? Fail(out int zero)
    {
        zero = 0;
        return null;
    }

    /// <summary>The bytes of the weight in a layout that <see cref="Layout"/> gave for it.</summary>
    public static Tensor Pack(Quantized w, bool transposed, LowBitLayout l)
    {
        var packed = Tensor.Allocate(DType.U8, new Shape(l.Bytes));
        Pack(w, transposed, l, packed);
        return packed;
    }

    /// <summary>As <see cref="Pack(Quantized, bool, LowBitLayout)"/>, into <see cref="LowBitLayout.Bytes"/> bytes.</summary>
    public static void Pack(Quantized w, bool transposed, LowBitLayout l, Tensor packed)
    {
        Tensor scales = w.Scale.ToF32(), offsets = (w.Zero ?? w.Minimum ?? w.Scale).ToF32();
        LowBitDecode.FillHead(l, w.Table is null ? default : w.Table.Span<float>(), new Span<float>(packed.Pointer, LowBitLayout.HeadBytes / sizeof(float)));
        var codes = new byte[Checked.Int(Checked.Mul(LowBitLayout.PanelRows, l.PaddedColumns))];
        fixed (byte* c = codes)
            for (int panel = 0; panel < l.Panels; panel++)
            {
                int first = panel * LowBitLayout.PanelRows, rows = Math.Min(LowBitLayout.PanelRows, l.Rows - first);
                Unpack(w, transposed, l, first, rows, c);
                byte* to = packed.Pointer + LowBitLayout.HeadBytes + panel * l.PanelBytes;
                new Span<byte>(to, Checked.Int(l.PanelBytes)).Clear();
                Parameters(w, transposed, l, scales.Span<float>(), offsets.Span<float>(), first, rows, to);
                for (int b = 0; b < l.Blocks; b++) Block(l, rows, c + b * l.Block, to + l.BlockStart(b));
            }
        GC.KeepAlive(scales);
        GC.KeepAlive(offsets);
        GC.KeepAlive(w);
    }

    /// <summary>Codes of some rows, a byte each, [32, padded columns]; missing ones are 0.</summary>
    private static void Unpack(Quantized w, bool transposed, in LowBitLayout l, int first, int rows, byte* to)
    {
        var stream = w.Codes.Bytes;
        int pitch = l.PaddedColumns, flip = w.Signed ? 1 << (w.Bits - 1) : 0;
        for (int r = 0; r < rows; r++)
        {
            byte* row = to + (nint)r * pitch;
            long at = transposed ? first + r : (first + r) * (long)l.Columns, step = transposed ? l.Rows : 1;
            if (w.Bits == 8) for (int k = 0; k < l.Columns; k++, at += step) row[k] = (byte)(stream[(int)at] ^ flip);
            else if (w.Bits == 4) for (int k = 0; k < l.Columns; k++, at += step) row[k] = (byte)((stream[(int)(at >> 1)] >> (int)(at & 1) * 4 & 15) ^ flip);
            else for (int k = 0; k < l.Columns; k++, at += step) row[k] = (byte)(BitStream.Get(stream, at, w.Bits) ^ flip);
        }
    }

    private static void Block(in LowBitLayout l, int rows, byte* codes, byte* to)
    {
        int pitch = l.PaddedColumns;
        for (int r = 0; r < rows; r++)
        {
            byte* from = codes + (nint)r * pitch;
            switch (l.Bits)
            {
                case 3:
                    Plane(from, l.Block, r, 2, 0, to);
                    Plane(from, l.Block, r, 1, 2, to + LowBitLayout.PanelRows * l.Block / 4);
                    break;
                case 8:
                    Plane(from, l.Block, r, 4, 0, to);
                    Plane(from, l.Block, r, 4, 4, to + LowBitLayout.PanelRows * l.Block / 2);
                    break;
                default: Plane(from, l.Block, r, l.Bits, 0, to); break;
            }
        }
    }

    /// <summary>Bits [shift, shift + bits) of a row's codes into a plane: four columns fill a byte each of the row's 32-bit lane.</summary>
    private static void Plane(byte* codes, int columns, int row, int bits, int shift, byte* plane)
    {
        uint mask = (uint)((1 << bits) - 1) * 0x01010101;
        int fields = 8 / bits;
        plane += row / 16 * 64 + row % 16 * 4;
        for (int quad = 0; quad < columns / 4; quad++)
            *(uint*)(plane + quad / fields * 128) |= (*(uint*)(codes + 4 * quad) >> shift & mask) << quad % fields * bits;
    }

    private static void Parameters(Quantized w, bool transposed, in LowBitLayout l, ReadOnlySpan<float> scales, ReadOnlySpan<float> offsets, int first, int rows, byte* panel)
    {
        // Scales of groups lie as the weight does: [rows, groups], or [groups, rows] where it is transposed.
        int groups = l.Groups, middle = w.Signed ? 1 << (w.Bits - 1) : 0;
        int Index(int group, int row) => w.Granularity switch { Granularity.Tensor => 0, Granularity.Channel => w.Shape[w.Axis] == 1 ? 0 : row, _ => transposed ? group * w.Shape.Int(1) + row : row * groups + group };
        if (l.Scales == LowBitScales.Row)
        {
            float* to = (float*)(panel + l.PanelBytes) - LowBitLayout.PanelRows;
            for (int r = 0; r < rows; r++) to[r] = scales[Index(0, first + r)];
            return;
        }
        for (int g = 0; g < groups; g++)
        {
            byte* to = panel + l.GroupStart(g);
            for (int r = 0; r < rows; r++)
            {
                int i = Index(g, first + r);
                float offset = l.HasZeros ? offsets[i] + middle : l.HasMinima ? offsets[i] : 0;
                switch (l.Scales)
                {
                    case LowBitScales.F16: ((Half*)to)[r] = (Half)scales[i]; break;
                    case LowBitScales.F16Zeros:
                        ((Half*)to)[r] = (Half)scales[i];
                        (to + 64)[r] = (byte)offset;
                        break;
                    case LowBitScales.F16Minima: (((Half*)to)[r], ((Half*)to)[32 + r]) = ((Half)scales[i], (Half)offset); break;
                    case LowBitScales.F32: ((float*)to)[r] = scales[i]; break;
                    default: (((float*)to)[r], ((float*)to)[32 + r]) = (scales[i], offset); break;
                }
            }
        }
    }
}
