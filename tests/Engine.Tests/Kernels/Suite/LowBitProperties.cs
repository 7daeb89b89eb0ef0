using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Low-bit products: every tier gives the same bits.</summary>
internal static unsafe class LowBitProperties
{
    public static IEnumerable<KernelProperty> All =>
    [
        new(QuantizeRows.Table, 400, Quantize),
        new(LowBitGemv.Table, 200, Gemv),
        new(LowBitExpand.Table, 150, Expand),
        new(LowBitTile.Table, 200, o => Tile(o, false)),
        new(LowBitTile.Table8, 150, o => Tile(o, true)),
        new(LowBitDecode.Table, 150, Decode),
    ];

    private static LowBitLayout Layout(Random r, bool? wide = null)
    {
        int bits = wide is { } w ? w ? 8 : r.Next(3) + 2 : (int[])[2, 3, 4, 8] is var all ? all[r.Next(4)] : 0;
        int block = bits == 3 || r.Next(3) > 0 ? 32 : 16, blocks = r.Next(1, 20);
        return new(LowBitLayout.PanelRows, blocks * block, bits, block, r.Next(1, 6), (LowBitScales)r.Next(7), r.Next(bits == 8 ? 256 : 1 << bits));
    }

    /// <summary>A panel of any codes.</summary>
    private static byte* Panel(Operands o, in LowBitLayout l)
    {
        var r = o.Random;
        byte* panel = o.Take<byte>((int)l.PanelBytes);
        r.NextBytes(new Span<byte>(panel, (int)l.PanelBytes));
        for (int g = 0; g < l.Groups; g++)
        {
            byte* p = panel + l.GroupStart(g);
            for (int i = 0; i < LowBitLayout.PanelRows; i++)
                switch (l.Scales)
                {
                    case LowBitScales.F16 or LowBitScales.F16Zeros: ((Half*)p)[i] = (Half)(r.Next(20) == 0 ? 6e-7f : r.NextSingle() - 0.5f); break;
                    case LowBitScales.F32: ((float*)p)[i] = r.NextSingle() - 0.5f; break;
                    case LowBitScales.F16Minima: (((Half*)p)[i], ((Half*)p)[32 + i]) = ((Half)r.NextSingle(), (Half)r.NextSingle()); break;
                    case LowBitScales.F32Zeros or LowBitScales.F32Minima: (((float*)p)[i], ((float*)p)[32 + i]) = (r.NextSingle() - 0.5f, r.Next(1 << l.Bits)); break;
                }
        }
        if (l.Scales == LowBitScales.Row)
            for (int i = 1; i <= LowBitLayout.PanelRows; i++) ((float*)(panel + l.PanelBytes))[-i] = r.NextSingle() - 0.5f;
        return panel;
    }

    /// <summary>Rows side by side: see <see cref="LowBitTile.Tile.X"/>.</summary>
    private static LowBitActivations Activations(Operands o, in LowBitLayout l, int pitch, int tiles = 1)
    {
        var r = o.Random;
        int columns = tiles * l.PaddedColumns;
        sbyte* codes = o.Take<sbyte>(pitch * columns);
        bool extreme = r.Next(4) == 0;
        for (int i = 0; i < pitch * columns; i++) codes[i] = (sbyte)(extreme ? r.Next(2) * 254 - 127 : r.Next(-127, 128));
        float* scales = o.Floats(pitch * tiles * l.Blocks);
        int* sums = o.Take<int>(pitch * tiles * l.Blocks);
        for (int k = 0; k < columns; k++)
            for (int i = 0; i < pitch; i++) sums[k / l.Block * pitch + i] += codes[(k / 4 * pitch + i) * 4 + k % 4] * l.SumFactor;
        return new(codes, scales, sums);
    }

    private static void Same(string what, float* expected, float* actual, int count)
    {
        for (int i = 0; i < count; i++)
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]) && !(float.IsNaN(expected[i]) && float.IsNaN(actual[i]))) Assert.Fail($"{what}: element {i} is {actual[i]:g9}, expected {expected[i]:g9}");
    }

    private static void Quantize(Operands o)
    {
        var r = o.Random;
        int block = 16 << r.Next(2), padded = block * r.Next(1, 9), count = r.Next(2) == 0 ? padded : padded - r.Next(0, padded), factor = r.Next(-8, 9);
        float* x = o.Floats(count, r.Next(5) == 0 ? Fill.Anything : Fill.Outliers);
        if (r.Next(8) == 0) for (int i = 0; i < count; i++) x[i] *= 1e-37f;
        sbyte* codes = o.Take<sbyte>(padded);
        int* sums = o.Take<int>(padded / block);
        float scale = QuantizeRows.Table.Reference(x, count, padded, block, factor, codes, sums);
        foreach (string tier in KernelProperty.Fast(QuantizeRows.Table))
        {
            sbyte* c = o.Take<sbyte>(padded);
            int* s = o.Take<int>(padded / block);
            float own = QuantizeRows.Table[tier](x, count, padded, block, factor, c, s);
            Same($"quantize-rows {tier} scale", &scale, &own, 1);
            Assert.True(new ReadOnlySpan<sbyte>(codes, padded).SequenceEqual(new(c, padded)), $"quantize-rows {tier} codes of {count}");
            Assert.True(new ReadOnlySpan<int>(sums, padded / block).SequenceEqual(new(s, padded / block)), $"quantize-rows {tier} sums of {count}");
        }
    }

    private static void Gemv(Operands o)
    {
        var l = Layout(o.Random);
        byte* panel = Panel(o, l);
        var x = Activations(o, l, 1);
        float* expected = o.Take<float>(LowBitLayout.PanelRows);
        LowBitGemv.Table.Reference(l, panel, x, expected);
        foreach (string tier in KernelProperty.Fast(LowBitGemv.Table))
        {
            float* y = o.Take<float>(LowBitLayout.PanelRows);
            LowBitGemv.Table[tier](l, panel, x, y);
            Same($"lowbit-gemv {tier} {l}", expected, y, LowBitLayout.PanelRows);
        }
    }

    private static LowBitChunk Chunk(Operands o, in LowBitLayout l) => LowBitExpand.At(l, o.Take<byte>(LowBitExpand.Bytes(l)));

    private static void Expand(Operands o)
    {
        var l = Layout(o.Random);
        byte* panel = Panel(o, l);
        int first = o.Random.Next(l.Blocks), blocks = o.Random.Next(1, Math.Min(LowBitExpand.ChunkBlocks, l.Blocks - first) + 1);
        var expected = Chunk(o, l);
        LowBitExpand.Table.Reference(l, panel, first, blocks, expected);
        foreach (string tier in KernelProperty.Fast(LowBitExpand.Table))
        {
            var chunk = Chunk(o, l);
            LowBitExpand.Table[tier](l, panel, first, blocks, chunk);
            Assert.True(new ReadOnlySpan<byte>((void*)expected.Codes, blocks * l.Block * 32).SequenceEqual(new((void*)chunk.Codes, blocks * l.Block * 32)), $"lowbit-expand {tier} {l} codes of blocks {first} + {blocks}");
            Same($"lowbit-expand {tier} {l} scales", (float*)expected.Scales, (float*)chunk.Scales, blocks * 32);
            if (l.HasZeros || l.HasMinima) Same($"lowbit-expand {tier} {l} offsets", (float*)expected.Offsets, (float*)chunk.Offsets, blocks * 32);
        }
    }

    private static void Tile(Operands o, bool wide)
    {
        var (r, l, table) = (o.Random, Layout(o.Random, wide), wide ? LowBitTile.Table8 : LowBitTile.Table);
        int rows = r.Next(1, 3 * LowBitTile.Rows + 1), blocks = Math.Min(l.Blocks, LowBitExpand.ChunkBlocks), stride = LowBitLayout.PanelRows + r.Next(3), size = (rows - 1) * stride + LowBitLayout.PanelRows;
        bool accumulate = r.Next(2) == 0;
        var chunk = Chunk(o, l);
        LowBitExpand.Table.Reference(l, Panel(o, l), 0, blocks, chunk);
        int pitch = rows == 1 && r.Next(2) == 0 ? 1 : LowBitTile.Rows;
        var x = Activations(o, l, pitch, (rows + pitch - 1) / pitch);
        float* start = o.Floats(size), expected = o.Copy(start, size);
        LowBitTile.Tile Of(float* y) => new(l, chunk, blocks, x, pitch, rows, y, stride, accumulate) { CodesStride = pitch * l.PaddedColumns, ScalesStride = pitch * l.Blocks, Next = (byte*)chunk.Codes, Lines = r.Next(3) };
        table.Reference(Of(expected));
        foreach (string tier in KernelProperty.Fast(table))
        {
            float* y = o.Copy(start, size);
            table[tier](Of(y));
            Same($"{table.Stem} {tier} {rows} rows, {l}", expected, y, size);
        }
    }

    private static void Decode(Operands o)
    {
        var l = Layout(o.Random);
        if (l.Bits is 2 or 4 && o.Random.Next(3) == 0) l = l with { IsLinear = false, Zero = 0, Scales = l.HasZeros || l.HasMinima ? LowBitScales.F32 : l.Scales };
        byte* panel = Panel(o, l);
        float* head = o.Take<float>(32), table = o.Floats(1 << Math.Min(4, l.Bits));
        LowBitDecode.FillHead(l, l.IsLinear ? default : new(table, 1 << l.Bits), new(head, 32));
        int first = o.Random.Next(l.Blocks), blocks = o.Random.Next(1, l.Blocks - first + 1), size = blocks * l.Block * LowBitLayout.PanelRows;
        float* expected = o.Take<float>(size);
        LowBitDecode.Table.Reference(l, head, panel, first, blocks, expected);
        foreach (string tier in KernelProperty.Fast(LowBitDecode.Table))
        {
            float* y = o.Take<float>(size);
            LowBitDecode.Table[tier](l, head, panel, first, blocks, y);
            Same($"lowbit-decode {tier} {l}", expected, y, size);
        }
    }
}
