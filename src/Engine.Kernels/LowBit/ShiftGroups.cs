using System.Numerics;

namespace Engine.Kernels;

/// <summary>
/// The order in which a product with a power of two for every k is summed: k of equal shifts beside each other, the largest shift first, so that one sum is shifted left
/// from group to group. What of a shift fits the eight bits of all weights of its k is folded into them, exactly, and costs nothing.
/// </summary>
public sealed unsafe class ShiftGroups
{
    /// <summary>Largest shift.</summary>
    public const int MostShift = 15;

    private readonly int[] _folded;

    /// <summary>Orders the rows of B s8 [k, n] by <paramref name="shifts"/>, one of 0 to <see cref="MostShift"/> a row.</summary>
    public ShiftGroups(ReadOnlySpan<byte> shifts, ReadOnlySpan<byte> b, int n)
    {
        int k = shifts.Length;
        var left = new int[k];
        _folded = new int[k];
        for (int i = 0; i < k; i++)
        {
            int room = Room(b.Slice(i * n, n));
            _folded[i] = Math.Min(room, shifts[i]);
            left[i] = shifts[i] - _folded[i];
        }
        var (order, groups) = (new List<int>(), new List<Group>());
        for (int shift = MostShift; shift >= 0; shift--)
        {
            int first = order.Count;
            for (int i = 0; i < k; i++) if (left[i] == shift) order.Add(i);
            if (order.Count == first) continue;
            while (order.Count % 4 != 0) order.Add(-1);
            groups.Add(new(first / 4, (order.Count - first) / 4, shift));
        }
        Order = [.. order];
        Groups = [.. groups];
        InPlace = Order.AsSpan().SequenceEqual(Enumerable.Range(0, k).ToArray());
    }

    /// <summary>Which k stands at each place, −1 for places that fill a quad.</summary>
    public int[] Order { get; }

    /// <summary>The groups, the largest shift first.</summary>
    public Group[] Groups { get; }

    /// <summary>True when k stand in their own order, so that A is read where it lies.</summary>
    public bool InPlace { get; }

    /// <summary>Quads of places with one shift left for the sum.</summary>
    public readonly record struct Group(int FirstQuad, int Quads, int Shift);

    // Bits that every value of a row can be shifted by.
    private static int Room(ReadOnlySpan<byte> row)
    {
        int most = 0;
        foreach (byte v in row) most = Math.Max(most, (sbyte)v < 0 ? ~(sbyte)v : (sbyte)v);
        return most == 0 ? row.ContainsAnyExcept((byte)0) ? 7 : MostShift : 6 - BitOperations.Log2((uint)most);
    }

    /// <summary>Bytes of packed B for n columns: panels of all places, and an i32 a column.</summary>
    public long PackedLength(int n) => Tensors.Checked.Mul(GemmU8S8.Columns(n), Order.Length + 4L);

    /// <summary>Packs B s8 [k, n] for <see cref="GemmShifted"/>: Σk B · 2^shift of every column, then panels as <see cref="GemmU8S8.Tile"/> reads them.</summary>
    public void Pack(ReadOnlySpan<byte> b, ReadOnlySpan<byte> shifts, int n, Span<byte> packed)
    {
        packed.Clear();
        fixed (byte* to = packed[..Tensors.Checked.Int(PackedLength(n))])
        {
            int* terms = (int*)to;
            byte* panel = to + 4 * GemmU8S8.Columns(n);
            for (int column = 0; column < n; column += GemmU8S8.PanelColumns)
            {
                int width = GemmU8S8.PanelWidth(n, column);
                for (int p = 0; p < Order.Length; p++)
                {
                    if (Order[p] < 0) continue;
                    for (int j = column; j < Math.Min(n, column + width); j++)
                    {
                        int v = (sbyte)b[Order[p] * n + j], k = Order[p];
                        panel[(nint)(p / 4) * 4 * width + 4 * (j - column) + p % 4] = (byte)(v << _folded[k]);
                        terms[j] = unchecked(terms[j] + (v << shifts[k]));
                    }
                }
                panel += (nint)Order.Length * width;
            }
        }
    }
}
