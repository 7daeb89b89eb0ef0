using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Products of 8-bit codes with weights whose zeros lie anywhere, or in blocks.</summary>
internal static unsafe class SparseCodeProperties
{
    public static IEnumerable<KernelProperty> All => [new(GemmBlocksU8S8.Table, 300, Blocks), new(SpmmU8S8.Table, 200, Quads), new(GemvCsrU8S8.Table, 300, Records)];

    // Any codes, or those of the largest sums.
    private static T* Codes<T>(Operands o, int count, byte largest) where T : unmanaged
    {
        T* x = o.Take<T>(count);
        o.Random.NextBytes(new Span<byte>(x, count));
        if (o.Random.Next(8) == 0) new Span<byte>(x, count).Fill(largest);
        return x;
    }

    private static int* Sums(Operands o, int count)
    {
        int* x = o.Take<int>(count);
        for (int i = 0; i < count; i++) x[i] = o.Random.Next();
        return x;
    }

    private static void AssertSame(string what, int* expected, int* actual, int count)
    {
        int at = new ReadOnlySpan<int>(expected, count).CommonPrefixLength(new(actual, count));
        Assert.True(at == count, $"{what}: element {at} of {count}");
    }

    private static void Blocks(Operands o)
    {
        var r = o.Random;
        int rows = r.Next(1, 20), all = r.Next(1, 30), blocks = r.Next(0, all + 1), stride = 4 * all + r.Next(5), ldc = GemmBlocksU8S8.Height + r.Next(5), size = (rows - 1) * ldc + GemmBlocksU8S8.Height;
        int* columns = o.Take<int>(blocks), start = Sums(o, GemmBlocksU8S8.Height), expected = o.Take<int>(size);
        for (int i = 0; i < blocks; i++) columns[i] = r.Next(all);
        byte* a = Codes<byte>(o, (rows - 1) * stride + 4 * all, 255);
        sbyte* values = Codes<sbyte>(o, blocks * 32, 0x80);
        GemmBlocksU8S8.Table.Reference(a, stride, rows, columns, blocks, values, start, expected, ldc);
        foreach (string tier in KernelProperty.Fast(GemmBlocksU8S8.Table))
        {
            int* c = o.Take<int>(size);
            GemmBlocksU8S8.Table[tier](a, stride, rows, columns, blocks, values, start, c, ldc);
            AssertSame($"gemm-blocks-u8s8 {tier} {rows} rows, {blocks} blocks", expected, c, size);
        }
    }

    private static void Quads(Operands o)
    {
        var r = o.Random;
        int rows = r.Next(1, SpmmU8S8.BlockRows + 1), columns = r.Next(1, 6), size = columns * SpmmU8S8.BlockRows;
        int* starts = o.Take<int>(columns + 1), start = Sums(o, size);
        for (int j = 0; j < columns; j++) starts[j + 1] = starts[j] + r.Next(0, 20);
        byte* a = Codes<byte>(o, SpmmU8S8.BlockBytes, 255), places = o.Take<byte>(starts[columns]);
        for (int i = 0; i < starts[columns]; i++) places[i] = (byte)r.Next(SpmmU8S8.BlockDepth);
        sbyte* quads = Codes<sbyte>(o, 4 * starts[columns], 0x80);
        int* Run(SpmmU8S8.TileFn tile)
        {
            int* c = o.Copy(start, size);
            tile(new(a, quads, places, starts, c, rows, columns));
            // Of rows that do not count anything may be computed.
            for (int i = 0; i < size; i++) if (i % SpmmU8S8.BlockRows >= rows) c[i] = 0;
            return c;
        }
        int* expected = Run(SpmmU8S8.Table.Reference);
        foreach (string tier in KernelProperty.Fast(SpmmU8S8.Table)) AssertSame($"spmm-u8s8 {tier} {rows} rows, {columns} columns, {starts[columns]} quads", expected, Run(SpmmU8S8.Table[tier]), size);
    }

    private static void Records(Operands o)
    {
        var r = o.Random;
        int count = r.Next(0, 20), length = GemvCsrU8S8.Window + r.Next(300), all = count * GemvCsrU8S8.RecordBytes;
        int* windows = o.Take<int>(count), start = Sums(o, GemvCsrU8S8.Lanes), expected = o.Take<int>(GemvCsrU8S8.Lanes);
        for (int i = 0; i < count; i++) windows[i] = r.Next(length - GemvCsrU8S8.Window + 1);
        byte* a = Codes<byte>(o, length, 255), records = Codes<byte>(o, all, 0x80);
        for (int i = 0; i < all; i++)
            if (i % GemvCsrU8S8.RecordBytes < GemvCsrU8S8.PositionBytes) records[i] = (byte)r.Next(GemvCsrU8S8.Window);
        GemvCsrU8S8.Table.Reference(a, windows, records, count, start, expected);
        foreach (string tier in KernelProperty.Fast(GemvCsrU8S8.Table))
        {
            int* c = o.Take<int>(GemvCsrU8S8.Lanes);
            GemvCsrU8S8.Table[tier](a, windows, records, count, start, c);
            AssertSame($"gemv-csr-u8s8 {tier} {count} records", expected, c, GemvCsrU8S8.Lanes);
        }
    }
}
