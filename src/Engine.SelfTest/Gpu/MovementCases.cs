using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>movement</c>: transposes of random shapes and orders, boxes cut out of and put into larger tensors, repeated elements, fills.</summary>
internal static class MovementCases
{
    private static readonly DType[] s_types = [DType.U8, DType.F16, DType.F32, DType.I64];

    public static IEnumerable<GpuCase> All()
    {
        foreach (var type in s_types)
            for (int i = 0; i < 24; i++)
            {
                int at = i;
                yield return new("movement", "copy_b" + type.BitWidth(), $"{(at % 2 == 0 ? "transpose" : "box")} {at}", c => Copy(c, type, at % 2 == 0));
            }
        foreach (var type in s_types[..3])
            for (int i = 0; i < 20; i++)
            {
                int n = 1 + i * 37;
                yield return new("movement", "fill_b" + type.BitWidth(), $"{n}", c => Fill(c, type, n));
            }
    }

    private static void Copy(GpuCaseContext c, DType type, bool transpose)
    {
        int size = type.BitWidth() / 8, rank = 1 + c.Random.Next(6);
        long[] shape = [.. Enumerable.Range(0, rank).Select(_ => (long)(1 + c.Random.Next(rank < 3 ? 60 : 6)))];
        long[] extents = shape, read = new long[rank], write = new long[rank];
        int[] order = [.. Enumerable.Range(0, rank)];
        if (transpose) c.Random.Shuffle(order);
        long[] strides = new long[rank];
        GpuMovement.RowMajor(shape, strides);
        extents = [.. order.Select(a => shape[a])];
        read = [.. order.Select(a => strides[a])];
        // A box: read from every second element of the first axis or repeated, written with room between rows.
        if (!transpose && shape[0] > 1) (extents[0], read[0]) = c.Random.Next(2) == 0 ? ((shape[0] + 1) / 2, strides[0] * 2) : (5, 0);
        GpuMovement.RowMajor(extents, write);
        long count = extents.Aggregate(1L, (a, b) => a * b), room = transpose ? 0 : 3;
        if (!transpose) write[0] += room;
        long total = transpose ? count : (extents[0] - 1) * write[0] + count / extents[0];
        byte[] x = new byte[shape.Aggregate(1L, (a, b) => a * b) * size], expected = new byte[total * size];
        c.Random.NextBytes(x);
        Array.Fill(expected, (byte)0x33);
        for (long i = 0; i < count; i++)
        {
            long rest = i, from = 0, to = 0;
            for (int a = rank - 1; a >= 0; a--) (from, to, rest) = (from + rest % extents[a] * read[a], to + rest % extents[a] * write[a], rest / extents[a]);
            x.AsSpan((int)from * size, size).CopyTo(expected.AsSpan((int)to * size));
        }
        var y = c.Output(expected.Length);
        c.Stream.Fill(y, 0x33);
        if (transpose) GpuMovement.Transpose(c.Kernels, c.Stream, type, c.Upload(x), y, shape, order);
        else GpuMovement.Copy(c.Kernels, c.Stream, type, c.Upload(x), y, extents, read, write);
        c.ExpectBytes(y, expected);
    }

    private static void Fill(GpuCaseContext c, DType type, int n)
    {
        int size = type.BitWidth() / 8;
        byte[] value = new byte[size], expected = new byte[n * size];
        c.Random.NextBytes(value);
        for (int i = 0; i < n; i++) value.CopyTo(expected, i * size);
        var y = c.Output(expected.Length);
        GpuMovement.Fill(c.Kernels, c.Stream, type, y, n, value);
        c.ExpectBytes(y, expected);
    }
}
