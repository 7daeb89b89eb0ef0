using System.Numerics;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// When a result is −1, for <see cref="SlicedBlock.Thresholds"/>: per channel and bit the number whose sum with the counter has the result as its sign.
/// <para>That number is another in every class of outputs. A plane of its bits is the sum, modulo 2, of the planes of those classes in which the bit differs from class 0's, so a table has the sums
/// of all subsets of a few classes: the first of classes 0 to 4, the others of four each. Layout: [channel, bit, table] u32, the byte offset of a plane from the first table.</para>
/// </summary>
public static unsafe class SlicedThresholds
{
    private const int First = 5, Others = 4, Plane = BitPlanes.PlaneBytes;

    /// <summary>u32 of one channel.</summary>
    public static int Step(SlicedWindow window, in SlicedProgram program) => Tables(window.Classes) * program.Bits;

    /// <summary>Tables of so many classes.</summary>
    public static int Tables(int classes) => 1 + Math.Max(0, (classes - First + Others - 1) / Others);

    /// <summary>Bytes of so many tables.</summary>
    public static int TableBytes(int tables) => ((1 << First) + (tables - 1) * (1 << Others)) * Plane;

    /// <summary>
    /// y = −1 where sum &lt; threshold, or where <paramref name="negative"/> sum &gt; threshold, with padding that counts 0. A channel is always −1 with <see cref="int.MaxValue"/> and not negative,
    /// and always +1 with <see cref="int.MinValue"/>.
    /// </summary>
    public static Tensor Pack(SlicedWindow window, in SlicedProgram program, ReadOnlySpan<int> thresholds, ReadOnlySpan<bool> negative)
    {
        if (thresholds.Length != program.Rows || negative.Length != program.Rows) throw new ArgumentException($"{program.Rows} channels take as many thresholds and directions, not {thresholds.Length} and {negative.Length}");
        int bits = program.Bits, step = Step(window, program);
        var packed = Tensor.Allocate(DType.U32, new Shape(program.Rows, bits, Tables(window.Classes)));
        var y = packed.Span<uint>();
        var numbers = new uint[window.Classes];
        for (int r = 0; r < program.Rows; r++)
        {
            for (int c = 0; c < window.Classes; c++)
            {
                // Inputs in the padding were counted as +1.
                long twice = (long)thresholds[r] + program.Columns + window.Excess(program, r, c);
                // −1 where the number of agreeing inputs is below this, or where it is not.
                long limit = negative[r] ? (twice >> 1) + 1 : (twice + 1) >> 1;
                numbers[c] = (uint)(program.Base(r) - (int)Math.Clamp(limit, 0, program.Columns + 1L));
                if (negative[r]) numbers[c] ^= 1u << (bits - 1);
            }
            Entries(numbers, bits, y[(r * step)..]);
        }
        return packed;
    }

    /// <summary>What a channel's thresholds are: y[bit, table], for a number each class.</summary>
    public static void Entries(ReadOnlySpan<uint> numbers, int bits, Span<uint> y)
    {
        int tables = Tables(numbers.Length);
        for (int i = 0; i < bits; i++)
            for (int t = 0; t < tables; t++)
            {
                int first = t == 0 ? 0 : First + (t - 1) * Others, count = Math.Min(t == 0 ? First : Others, numbers.Length - first);
                uint set = 0;
                for (int c = 0; c < count; c++) set |= ((first + c == 0 ? numbers[0] : numbers[0] ^ numbers[first + c]) >> i & 1) << c;
                y[i * tables + t] = (uint)(t == 0 ? 0 : TableBytes(t)) + set * Plane;
            }
    }

    /// <summary>
    /// Fills the tables of a block of outputs at <paramref name="y"/>: <paramref name="ids"/> are the classes that it has, ascending, and <paramref name="masks"/> a plane each.
    /// The result is how many of the tables it needs.
    /// </summary>
    public static int FillTables(ReadOnlySpan<int> ids, byte* masks, byte* y)
    {
        int used = ids.Length == 0 ? 1 : Tables(ids[^1] + 1);
        byte* none = y;
        new Span<byte>(none, Plane).Clear();
        for (int t = 0, at = 0; t < used; t++)
        {
            int first = t == 0 ? 0 : First + (t - 1) * Others, count = t == 0 ? First : Others;
            byte* table = y + (t == 0 ? 0 : TableBytes(t));
            if (t > 0) new Span<byte>(table, Plane).Clear();
            for (int c = 0; c < count; c++)
            {
                byte* to = table + (Plane << c), mask = none;
                if (first + c == 0) new Span<byte>(to, Plane).Fill(byte.MaxValue);
                else
                {
                    if (at < ids.Length && ids[at] == first + c) mask = masks + at++ * Plane;
                    for (int i = 0; i < Plane << c; i += Vector<byte>.Count) Vector.Store(Vector.Load(table + i) ^ Vector.Load(mask + i % Plane), to + i);
                }
            }
        }
        return used;
    }
}
