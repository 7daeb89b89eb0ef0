namespace Engine.Kernels;

/// <summary>
/// Which planes a bit-sliced counter adds and subtracts.
/// <para>Layout, in u16: blocks of 32 and of 8 planes to add, blocks of 32 and of 8 to subtract, blocks of 8 that are mixed, three unused; then the planes of those
/// blocks in this order, each as its offset in units of 8 bytes. A mixed block has 8 u32 masks behind its planes, 0 to add a plane and −1 to add its complement,
/// which is to subtract it and to count one too many; it is filled up with a plane of zeros.</para>
/// </summary>
internal static class PlaneLists
{
    /// <summary>Planes of a long block.</summary>
    public const int Long = 32;

    /// <summary>Planes of a short one.</summary>
    public const int Short = 8;

    /// <summary>Entries before the first plane.</summary>
    public const int Header = 8;

    /// <summary>Most planes that offsets reach, the one of zeros counted.</summary>
    public const int MostPlanes = (ushort.MaxValue + 1) / OffsetsAPlane;

    private const int OffsetsAPlane = BitPlanes.PlaneBytes / 8;

    /// <summary>Appends a list; the result is what it counts too many.</summary>
    public static int Append(List<ushort> to, List<int> add, List<int> subtract, int zeros)
    {
        int rest = add.Count % Short, restSubtract = subtract.Count % Short, mixed = (rest + restSubtract + Short - 1) / Short;
        foreach (var list in (ReadOnlySpan<List<int>>)[add, subtract])
        {
            to.Add((ushort)(list.Count / Long));
            to.Add((ushort)(list.Count % Long / Short));
        }
        to.AddRange([(ushort)mixed, 0, 0, 0]);
        for (int i = 0; i < add.Count - rest; i++) to.Add(Offset(add[i]));
        for (int i = 0; i < subtract.Count - restSubtract; i++) to.Add(Offset(subtract[i]));
        for (int b = 0; b < mixed; b++)
        {
            var masks = new ushort[2 * Short];
            for (int i = 0; i < Short; i++)
            {
                int k = b * Short + i;
                bool isAdd = k < rest, isSubtract = !isAdd && k < rest + restSubtract;
                to.Add(Offset(isAdd ? add[add.Count - rest + k] : isSubtract ? subtract[subtract.Count - restSubtract + k - rest] : zeros));
                if (isSubtract) masks[2 * i] = masks[2 * i + 1] = ushort.MaxValue;
            }
            to.AddRange(masks);
        }
        return restSubtract;
    }

    private static ushort Offset(int plane) => (ushort)(plane * OffsetsAPlane);
}
