using System.Runtime.InteropServices;
using Engine.Formats.Safetensors;
using Engine.Tensors;

namespace Engine.Formats.Checkpoints;

/// <summary>Builds the code stream and the scales of a <see cref="Quantized"/> weight [rows, columns] from matrices that lie the other way round, or in another order.</summary>
internal static class CodeMatrix
{
    // Rows made together: a cache line of words of a matrix stored by columns.
    private const int Block = 16;

    /// <summary>Writes codes of rows [first, first + count), a byte each, to a buffer of count · columns.</summary>
    public delegate void Fill(int first, int count, Span<byte> codes);

    /// <summary>The stream of codes that <paramref name="fill"/> gives, columns in the order given.</summary>
    public static Tensor Pack(LayerTensors layer, int rows, int columns, int bits, int[]? order, Fill fill)
    {
        long bytes = BitStream.Bytes(Checked.Mul(rows, columns), bits);
        int width = Checked.Int(Checked.Mul(Block, columns));
        layer.Take(Checked.Add(bytes, Checked.Add(width, columns)));
        var stream = Tensor.Allocate(DType.U8, new Shape(bytes));
        var to = stream.Bytes;
        byte[] block = new byte[width], sorted = new byte[columns];
        for (int first = 0; first < rows; first += Block)
        {
            int count = Math.Min(Block, rows - first);
            fill(first, count, block.AsSpan(0, count * columns));
            for (int r = 0; r < count; r++)
            {
                var row = block.AsSpan(r * columns, columns);
                if (order is not null)
                {
                    for (int j = 0; j < columns; j++) sorted[j] = row[order[j]];
                    row = sorted;
                }
                Put(row, to, (long)(first + r) * columns, bits);
            }
        }
        return stream;
    }

    /// <summary>A matrix with its axes exchanged.</summary>
    public static Tensor Transpose(LayerTensors layer, Tensor t)
    {
        layer.Take(t.ByteLength);
        return t.Transposed();
    }

    /// <summary>How columns stand when they are sorted by group, and the columns a group; null where they are in order already.</summary>
    /// <param name="layer">For messages.</param>
    /// <param name="groupOf">The group of each column.</param>
    /// <param name="groups">Number of groups.</param>
    /// <param name="size">Columns of every group but perhaps the last.</param>
    public static int[]? Order(LayerTensors layer, ReadOnlySpan<int> groupOf, int groups, out int size)
    {
        var counts = new int[groups];
        foreach (int g in groupOf)
        {
            layer.Require(g >= 0 && g < groups, $"a column is in group {g} of {groups}");
            counts[g]++;
        }
        size = counts[0];
        for (int g = 1; g < groups; g++) layer.Require(g + 1 < groups ? counts[g] == size : counts[g] > 0 && counts[g] <= size, $"group {g} has {counts[g]} columns, group 0 has {size}");
        layer.Take(Checked.Mul(3 * sizeof(int), groupOf.Length));
        int[] order = [.. Enumerable.Range(0, groupOf.Length)], keys = groupOf.ToArray();
        if (IsSorted(keys)) return null;
        // Columns of a group keep their order.
        var next = new int[groups];
        for (int g = 1; g < groups; g++) next[g] = next[g - 1] + counts[g - 1];
        for (int k = 0; k < keys.Length; k++) order[next[keys[k]]++] = k;
        return order;
    }

    /// <summary>The weight in the order of its columns.</summary>
    public static Weight Ordered(Weight weight, int[]? order) => order is null ? weight : new Permuted(weight, Tensor.Vector<int>(order));

    /// <summary>Zero points as a weight; null where all stand in the middle, as is meant without.</summary>
    public static Dense? Zeros(Tensor zeros, int bits) => zeros.Bytes.ContainsAnyExcept((byte)(1 << (bits - 1))) ? new Dense(zeros) : null;

    /// <summary>The words of a matrix of i32.</summary>
    public static ReadOnlySpan<uint> Words(this Tensor t) => MemoryMarshal.Cast<int, uint>(t.Span<int>());

    private static bool IsSorted(int[] keys)
    {
        for (int i = 1; i < keys.Length; i++) if (keys[i] < keys[i - 1]) return false;
        return true;
    }

    private static void Put(ReadOnlySpan<byte> codes, Span<byte> stream, long start, int bits)
    {
        int whole = start * bits % 8 == 0 ? codes.Length & ~7 : 0;
        BitStream.Pack(codes[..whole], stream[(int)(start * bits / 8)..], bits);
        for (int i = whole; i < codes.Length; i++) BitStream.Set(stream, start + i, bits, codes[i]);
    }
}
