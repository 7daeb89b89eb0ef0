using Engine.Ptx.Machine;
using Engine.Ptx.Memory;
using Engine.Ptx.Text;

namespace Engine.Ptx.Mma;

/// <summary>
/// Where the two held elements of every four columns of A belong. An index has 2 bits, the two of a group of four columns 4 bits, groups in ascending order.
/// With g = lane / 4: 16-bit elements, K = 16: lane 4g + selector holds row g in its low and row g + 8 in its high half;
/// K = 32: lanes 4g + 2·selector and the next hold columns 0–15 and 16–31, each of row g in the low and of row g + 8 in the high half;
/// 8-bit elements, K = 64: lanes 4g … 4g + 3 hold row g, columns 0–31; row g + 8, columns 0–31; row g, columns 32–63; row g + 8, columns 32–63.
/// </summary>
internal static unsafe class SparseMetadata
{
    /// <summary>The column of A for held column <paramref name="held"/> of a row.</summary>
    public static int Column(MmaShape shape, uint* metadata, int selector, int row, int held)
    {
        int group = held / 2, g = row & 7, upper = row >> 3;
        (int lane, int shift) = (shape.Bits, shape.K) switch
        {
            (16, 16) => (4 * g + selector, 16 * upper + 4 * group),
            (16, _) => (4 * g + 2 * selector + group / 4, 16 * upper + 4 * (group % 4)),
            _ => (4 * g + 2 * (group / 8) + upper, 4 * (group % 8)),
        };
        uint pair = metadata[lane] >> shift & 15;
        uint first = pair & 3, second = pair >> 2;
        if (first == second)
            throw new KernelFaultException(PtxFaultKind.Trap, lane, $"metadata 0x{metadata[lane]:x8}: row {row}, columns {group * 4} onward: index {first} twice");
        return group * 4 + (int)((held & 1) == 0 ? first : second);
    }

    public static int MaxSelector(MmaShape shape) => (shape.Bits, shape.K) switch { (16, 16) => 3, (16, _) => 1, _ => 0 };
}
