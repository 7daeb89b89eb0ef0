using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary><c>gather</c>: rows of whole words and of bytes, indices from both ends and outside.</summary>
internal static class GatherCases
{
    public static IEnumerable<GpuCase> All()
    {
        foreach (var index in (DType[])[DType.I64, DType.I32])
            for (int i = 0; i < 40; i++)
            {
                bool words = i < 20;
                int rows = 1 + i * 3, count = 1 + i % 7 * 5, rowBytes = words ? 4 * (1 + i * 17) : 1 + i % 20 * 8;
                bool outside = i % 5 == 4;
                yield return new("gather", $"gather_{(words ? "b32" : "b8")}_{index.Display()}", $"{count} of {rows}x{rowBytes}{(outside ? " outside" : "")}", c => Run(c, index, rows, count, rowBytes, outside));
            }
    }

    private static void Run(GpuCaseContext c, DType type, int rows, int count, int rowBytes, bool outside)
    {
        byte[] table = new byte[rows * rowBytes], expected = new byte[count * rowBytes], flag = new byte[4];
        c.Random.NextBytes(table);
        long[] index = [.. Enumerable.Range(0, count).Select(_ => (long)c.Random.Next(-rows, rows))];
        if (outside) index[^1] = c.Random.Next(2) == 0 ? rows : -rows - 1;
        for (int i = 0; i < count; i++)
            if (index[i] >= -rows && index[i] < rows) table.AsSpan((int)((index[i] + rows) % rows) * rowBytes, rowBytes).CopyTo(expected.AsSpan(i * rowBytes));
        BinaryPrimitives.WriteInt32LittleEndian(flag, outside ? 1 : 0);
        GpuSpan y = c.Output(expected.Length), outsideFlag = c.Output(4);
        c.Stream.Fill(outsideFlag, 0);
        var indices = type == DType.I64 ? c.Upload(MemoryMarshal.AsBytes(index.AsSpan())) : c.Upload(MemoryMarshal.AsBytes(index.Select(v => (int)v).ToArray().AsSpan()));
        GpuGather.Run(c.Kernels, c.Stream, c.Upload(table), type, indices, y, outsideFlag, count, rows, rowBytes);
        c.ExpectBytes(y, expected);
        c.ExpectBytes(outsideFlag, flag);
    }
}
