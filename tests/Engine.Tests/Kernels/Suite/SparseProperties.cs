using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Products with sparse weights.</summary>
internal static unsafe class SparseProperties
{
    public static IEnumerable<KernelProperty> All => [new(GemmNmU8S8.Table, 600, Tiles)];

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
}
