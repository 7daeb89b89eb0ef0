namespace Engine.Kernels;

/// <summary>
/// Which planes a bit-sliced counter adds and subtracts.
/// <para>Layout, in u16: how many long and short blocks there are, two unused; then those blocks, a plane as its offset in units of 8 bytes. A short block is 8 planes and as many u32 masks, 0 to add a
/// plane and −1 to add its complement, which is to subtract it and to count one too many. A long block is three times 8 planes of which half are subtracted in that way
/// (<see cref="IsSubtracted"/>), then a short one, that makes up for what there is more of one sign. Both are filled up with a plane of zeros.</para>
/// </summary>
internal static class PlaneLists
{
    /// <summary>u16 of a short block.</summary>
    public const int ShortEntries = 3 * Short;

    /// <summary>u16 of a long block.</summary>
    public const int LongEntries = Long - Short + ShortEntries;

    private const int Long = 32, Short = 8;

    /// <summary>Entries before the first plane.</summary>
    public const int Header = 4;

    /// <summary>Most planes that offsets reach, the one of zeros counted.</summary>
    public const int MostPlanes = (ushort.MaxValue + 1) / OffsetsAPlane;

    private const int OffsetsAPlane = BitPlanes.PlaneBytes / 8;

    // Planes of either sign in a long block apart from its short part.
    private const int Fixed = (Long - Short) / 2;

    /// <summary>Whether a plane of the first three eights of a long block is subtracted.</summary>
    private static bool IsSubtracted(int i) => i % Short is 1 or 2 or 4 or 5;

    /// <summary>Appends a list; the result is what it counts too many.</summary>
    public static int Append(List<ushort> to, List<int> add, List<int> subtract, int zeros)
    {
        int a = add.Count, s = subtract.Count, excess = 0;
        List<(int Adds, int Subtracts)> longs = [];
        while (true)
        {
            int i = Math.Min(a, Fixed), j = Math.Min(s, Fixed), restA = a - i, restS = s - j, masked = Math.Min(Short, restA + restS);
            // Two short blocks take less time.
            if (i + j + masked <= 2 * Short) break;
            int more = Math.Clamp((restA - restS + masked) / 2, Math.Max(0, masked - restS), Math.Min(masked, restA));
            longs.Add((i + more, j + masked - more));
            (a, s) = (a - longs[^1].Adds, s - longs[^1].Subtracts);
        }
        int shorts = (a + s + Short - 1) / Short;
        to.AddRange([(ushort)longs.Count, (ushort)shorts, 0, 0]);
        var (nextAdd, nextSubtract) = (new Queue<int>(add), new Queue<int>(subtract));
        foreach (var block in longs)
        {
            int i = block.Adds, j = block.Subtracts;
            for (int k = 0; k < Long - Short; k++)
            {
                if (!IsSubtracted(k)) to.Add(i-- > 0 ? Offset(nextAdd.Dequeue()) : Offset(zeros));
                else
                {
                    to.Add(j-- > 0 ? Offset(nextSubtract.Dequeue()) : Offset(zeros));
                    excess++;
                }
            }
            excess += Masked(to, nextAdd, Math.Max(i, 0), nextSubtract, Math.Max(j, 0), zeros);
        }
        for (; shorts > 0; shorts--)
        {
            int i = Math.Min(a, Short), j = Math.Min(s, Short - i);
            excess += Masked(to, nextAdd, i, nextSubtract, j, zeros);
            (a, s) = (a - i, s - j);
        }
        return excess;
    }

    private static int Masked(List<ushort> to, Queue<int> add, int adds, Queue<int> subtract, int subtracts, int zeros)
    {
        Span<ushort> masks = stackalloc ushort[2 * Short];
        for (int i = 0; i < Short; i++)
        {
            bool subtracted = i >= adds && i < adds + subtracts;
            to.Add(Offset(i < adds ? add.Dequeue() : subtracted ? subtract.Dequeue() : zeros));
            if (subtracted) masks[2 * i] = masks[2 * i + 1] = ushort.MaxValue;
        }
        foreach (ushort m in masks) to.Add(m);
        return subtracts;
    }

    private static ushort Offset(int plane) => (ushort)(plane * OffsetsAPlane);
}
