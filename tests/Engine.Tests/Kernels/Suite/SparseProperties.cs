using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Products with sparse weights.</summary>
internal static unsafe class SparseProperties
{
    public static IEnumerable<KernelProperty> All => [new(GemmNmU8S8.Table, 600, Tiles), new(GemmNmF32.Table, 400, TilesF32), new(NmInt4Gemv.Table, 200, Int4), new(GemmBlocksF32.Table, 300, Blocks), new(SpmmF32.Table, 300, Records)];

    /// <summary>Any legal positions and any values, in records as <see cref="GemmNmU8S8"/> describes them.</summary>
    private static byte* Panel(Operands o, NmForm form, int columns, int segments, int quads)
    {
        var r = o.Random;
        int step = 4 * columns, records = (quads + form.Fields - 1) / form.Fields;
        byte* b = o.Take<byte>(segments * (quads + records) * step), at = b;
        for (int s = 0; s < segments; s++)
            for (int q = 0; q < quads; q += form.Fields)
            {
                for (int i = 0; i < step; i++)
                    for (int f = 0; f < form.Fields; f++) at[i] |= (byte)(r.Next(form.M) << f * form.IndexBits);
                at += step;
                int values = Math.Min(form.Fields, quads - q) * step;
                r.NextBytes(new Span<byte>(at, values));
                // The largest sums.
                if (r.Next(8) == 0) new Span<byte>(at, values).Fill(0x80);
                at += values;
            }
        return b;
    }

    private static void Tiles(Operands o)
    {
        var r = o.Random;
        var form = NmForm.All[r.Next(NmForm.All.Count)];
        int rows = r.Next(1, 31), columns = 16 * r.Next(1, 3), segments = r.Next(1, 4), quads = r.Next(0, 20), ldc = columns + r.Next(3);
        int run = form.Window * quads, pitch = r.Next(2) == 0 ? run + r.Next(9) : r.Next(1, 5), between = r.Next(2) == 0 ? run : rows * pitch + r.Next(9);
        int sizeA = quads == 0 ? 0 : (rows - 1) * pitch + (segments - 1) * between + run, sizeC = (rows - 1) * ldc + columns;
        byte* a = o.Take<byte>(sizeA), b = Panel(o, form, columns, segments, quads);
        r.NextBytes(new Span<byte>(a, sizeA));
        if (r.Next(8) == 0) new Span<byte>(a, sizeA).Fill(255);
        // 0: from zero; 1: from a bias; 2: from C.
        int from = r.Next(3);
        int* start = o.Take<int>(sizeC);
        for (int i = 0; i < sizeC; i++) start[i] = r.Next();
        int* Run(GemmNmU8S8.TileFn tile)
        {
            int* c = o.Copy(start, sizeC);
            tile(new(new() { A = a, RowStride = pitch, SegmentStride = between, B = (sbyte*)b, Start = from switch { 0 => null, 1 => start, _ => c }, StartStride = from == 1 ? 0 : ldc, C = c, CStride = ldc, Rows = rows, Columns = columns, Segments = segments, Quads = quads }, form));
            return c;
        }
        var expected = Run(GemmNmU8S8.Table.Reference);
        foreach (string tier in KernelProperty.Fast(GemmNmU8S8.Table))
        {
            int at = new ReadOnlySpan<int>(expected, sizeC).CommonPrefixLength(new(Run(GemmNmU8S8.Table[tier]), sizeC));
            Assert.True(at == sizeC, $"gemm-nm-u8s8 {tier} {form}, {rows}x{columns}, {segments} segments of {quads} quads: element {at} of {sizeC}");
        }
    }

    private static void TilesF32(Operands o)
    {
        var r = o.Random;
        NmForm[] forms = [.. NmForm.All.Where(GemmNmF32.Supports)];
        var form = forms[r.Next(forms.Length)];
        int rows = r.Next(1, 27), columns = 16 * r.Next(1, 3), quads = r.Next(0, 20), ldc = columns + r.Next(3), records = (quads + form.Fields - 1) / form.Fields;
        int run = form.Window * quads, pitch = run + r.Next(9), sizeA = quads == 0 ? 0 : (rows - 1) * pitch + run, sizeB = (4 * quads + records) * columns, sizeC = (rows - 1) * ldc + columns;
        bool accumulate = r.Next(2) == 0;
        float* a = o.Floats(sizeA, Fill.Outliers), b = o.Floats(sizeB), start = o.Floats(sizeC);
        for (int q = 0; q < quads; q += form.Fields)
        {
            uint* positions = (uint*)b + (q / form.Fields * (4 * form.Fields + 1)) * columns;
            for (int i = 0; i < columns; i++)
            {
                positions[i] = 0;
                for (int f = 0; f < 4 * form.Fields; f++) positions[i] |= (uint)r.Next(form.M) << f * form.IndexBits;
            }
        }
        float* Run(GemmNmF32.TileFn tile, float* x, float* w, float* from)
        {
            float* c = o.Copy(from, sizeC);
            tile(new(form, x, pitch, rows, w, columns, quads, c, ldc, accumulate));
            return c;
        }
        var expected = Run(GemmNmF32.Table.Reference, a, b, start);
        float* positiveA = o.Copy(a, sizeA), positiveB = o.Copy(b, sizeB), positive = o.Copy(start, sizeC);
        for (int i = 0; i < sizeA; i++) positiveA[i] = Math.Abs(a[i]);
        for (int i = 0; i < sizeC; i++) positive[i] = Math.Abs(start[i]);
        for (int i = 0; i < sizeB; i++)
            if (i / columns % (4 * form.Fields + 1) != 0) positiveB[i] = Math.Abs(b[i]);
        var magnitude = Run(GemmNmF32.Table.Reference, positiveA, positiveB, positive);
        foreach (string tier in KernelProperty.Fast(GemmNmF32.Table))
        {
            var c = Run(GemmNmF32.Table[tier], a, b, start);
            KernelProperty.AssertClose($"gemm-nm-f32 {tier} {form}, {rows}x{columns}, {quads} quads", expected, c, magnitude, sizeC, 2e-7 * (8 + Math.Sqrt(4 * quads)));
        }
    }

    private static void Int4(Operands o)
    {
        var r = o.Random;
        int blocks = r.Next(1, 20);
        var l = new NmInt4Layout(NmInt4Layout.PanelRows, blocks * NmInt4Layout.BlockColumns, r.Next(1, 6), r.Next(2) == 0);
        // Any bits are legal positions and codes.
        byte* panel = o.Take<byte>((int)l.PanelBytes), x = o.Take<byte>(blocks * NmInt4Layout.BlockColumns);
        r.NextBytes(new Span<byte>(panel, (int)l.PanelBytes));
        r.NextBytes(new Span<byte>(x, blocks * NmInt4Layout.BlockColumns));
        // The largest sums.
        if (r.Next(4) == 0) new Span<byte>(panel, (int)l.PanelBytes).Clear();
        if (r.Next(4) == 0) new Span<byte>(x, blocks * NmInt4Layout.BlockColumns).Fill(255);
        for (int b = 0; b < blocks; b += l.GroupBlocks)
            for (int i = 0; i < NmInt4Layout.PanelRows; i++)
            {
                byte* scales = panel + l.BlockStart(b) - l.ScaleBytes;
                if (l.HalfScales) ((Half*)scales)[i] = (Half)(r.NextSingle() - 0.5f);
                else ((float*)scales)[i] = r.NextSingle() - 0.5f;
            }
        float* activations = o.Floats(blocks), expected = o.Take<float>(NmInt4Layout.PanelRows);
        NmInt4Gemv.Table.Reference(l, panel, x, activations, expected);
        foreach (string tier in KernelProperty.Fast(NmInt4Gemv.Table))
        {
            float* y = o.Take<float>(NmInt4Layout.PanelRows);
            NmInt4Gemv.Table[tier](l, panel, x, activations, y);
            int at = new ReadOnlySpan<float>(expected, NmInt4Layout.PanelRows).CommonPrefixLength(new(y, NmInt4Layout.PanelRows));
            Assert.True(at == NmInt4Layout.PanelRows, $"gemv-nm-int4 {tier} {l}: row {at}");
        }
    }

    private static void Blocks(Operands o)
    {
        var r = o.Random;
        int rows = r.Next(1, 20), all = r.Next(1, 30), blocks = r.Next(0, all + 1), stride = 4 * all + r.Next(5), ldc = GemmBlocksF32.Height + r.Next(5), sizeA = (rows - 1) * stride + 4 * all, sizeC = (rows - 1) * ldc + GemmBlocksF32.Height;
        int* columns = o.Take<int>(blocks);
        for (int i = 0; i < blocks; i++) columns[i] = r.Next(all);
        float* a = o.Floats(sizeA, Fill.Outliers), values = o.Floats(blocks * 32), expected = o.Take<float>(sizeC), magnitude = o.Take<float>(sizeC), positiveA = o.Copy(a, sizeA), positive = o.Copy(values, blocks * 32);
        for (int i = 0; i < sizeA; i++) positiveA[i] = Math.Abs(a[i]);
        for (int i = 0; i < blocks * 32; i++) positive[i] = Math.Abs(values[i]);
        GemmBlocksF32.Table.Reference(a, stride, rows, columns, blocks, values, expected, ldc);
        GemmBlocksF32.Table.Reference(positiveA, stride, rows, columns, blocks, positive, magnitude, ldc);
        foreach (string tier in KernelProperty.Fast(GemmBlocksF32.Table))
        {
            float* c = o.Take<float>(sizeC);
            GemmBlocksF32.Table[tier](a, stride, rows, columns, blocks, values, c, ldc);
            KernelProperty.AssertClose($"gemm-blocks-f32 {tier} {rows} rows, {blocks} blocks", expected, c, magnitude, sizeC, 2e-7 * (8 + Math.Sqrt(4 * blocks)));
        }
    }

    private static void Records(Operands o)
    {
        var r = o.Random;
        int rows = r.Next(1, SpmmF32.BlockRows + 1), pairs = r.Next(1, 5), sizeC = 2 * pairs * SpmmF32.BlockRows;
        bool accumulate = r.Next(2) == 0;
        int* starts = o.Take<int>(pairs + 1);
        for (int i = 0; i < pairs; i++) starts[i + 1] = starts[i] + r.Next(0, 20);
        float* a = o.Floats(SpmmF32.BlockLength, Fill.Outliers), start = o.Floats(sizeC), positiveA = o.Copy(a, SpmmF32.BlockLength), positiveStart = o.Copy(start, sizeC);
        int bytes = starts[pairs] * SpmmF32.RecordBytes;
        byte* records = o.Take<byte>(bytes), positive = o.Take<byte>(bytes);
        for (int i = 0; i < SpmmF32.BlockLength; i++) positiveA[i] = Math.Abs(a[i]);
        for (int i = 0; i < sizeC; i++) positiveStart[i] = Math.Abs(start[i]);
        for (int at = 0; at < bytes; at += SpmmF32.RecordBytes)
            for (int i = 0; i < 4; i++)
            {
                ((float*)(positive + at))[i] = Math.Abs(((float*)(records + at))[i] = r.NextSingle() - 0.5f);
                ((ushort*)(positive + at))[8 + i] = ((ushort*)(records + at))[8 + i] = SpmmF32.Offset(r.Next(SpmmF32.BlockDepth + 1));
            }
        float* Run(SpmmF32.BlockFn block, float* x, byte* b, float* from)
        {
            float* c = o.Copy(from, sizeC);
            block(x, rows, b, starts, pairs, c, accumulate);
            // Of rows that do not count anything may be computed.
            for (int i = 0; i < sizeC; i++) if (i % SpmmF32.BlockRows >= rows) c[i] = 0;
            return c;
        }
        var expected = Run(SpmmF32.Table.Reference, a, records, start);
        var magnitude = Run(SpmmF32.Table.Reference, positiveA, positive, positiveStart);
        foreach (string tier in KernelProperty.Fast(SpmmF32.Table))
            KernelProperty.AssertClose($"spmm-f32 {tier} {rows} rows, {pairs} pairs, {starts[pairs]} records", expected, Run(SpmmF32.Table[tier], a, records, start), magnitude, sizeC, 2e-7 * 12);
    }
}
