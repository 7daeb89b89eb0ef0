using System.Numerics;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Signs [rows, columns] as what a bit-sliced kernel does one step after the other.
/// <para>Layout, one i32 tensor: 8 numbers (rows, columns, taps, bits of a counter, units, counters of scratch, two unused); a number a row that makes its counter the number of inputs that agree
/// with its signs; the sum of each row's signs a tap [rows, taps]; the start of each unit in u16 from the first one's, and the end; then the units. A unit is four u16 and
/// <see cref="PlaneLists"/>: for <see cref="ConvBinaryFr"/> channels, the first of them, two unused, and a list a group; for <see cref="ConvBinaryMst"/> the channel, its parent's place, its own place,
/// one unused, and one list.</para>
/// </summary>
public readonly unsafe struct SlicedProgram
{
    internal const int UnitHeader = 4;
    private const int Header = 8;
    private readonly int* _data;

    /// <summary>Reads what <see cref="PackFr"/> or <see cref="PackMst"/> made; the tensor must outlive this.</summary>
    public SlicedProgram(Tensor packed) => _data = (int*)packed.Pointer;

    /// <summary>Most columns: what a list can point at, the plane of zeros apart.</summary>
    public const int MostColumns = PlaneLists.MostPlanes - 1;

    /// <summary>Most rows.</summary>
    public const int MostRows = ushort.MaxValue - 1;

    /// <summary>Output channels.</summary>
    public int Rows => _data[0];

    /// <summary>Signs a row: input channels times taps, the tap fastest.</summary>
    public int Columns => _data[1];

    /// <summary>Taps of an input channel.</summary>
    public int Taps => _data[2];

    /// <summary>Bits of a counter, so that the difference to any threshold has its sign.</summary>
    public int Bits => _data[3];

    /// <summary>Steps.</summary>
    public int Units => _data[4];

    /// <summary>Bytes of scratch of a run.</summary>
    public long WorkBytes => (long)_data[5] * Bits * BitPlanes.PlaneBytes;

    /// <summary>What to add to a row's counter, so that it is the number of agreeing inputs.</summary>
    public int Base(int row) => _data[Header + row];

    /// <summary>The sum of a row's signs at a tap.</summary>
    public int TapSum(int row, int tap) => _data[Header + Rows + row * Taps + tap];

    internal ushort* Unit(int i) => (ushort*)(_data + Header + Rows + Rows * Taps + Units + 1) + _data[Header + Rows + Rows * Taps + i];

    /// <summary>True where the kernels take a weight of this size.</summary>
    public static bool Supports(long rows, long columns) => rows is > 0 and <= MostRows && columns is > 0 and <= MostColumns;

    /// <summary>Channels a set that count the fewest additions: with more of them there are more groups, and more to do at their ends.</summary>
    public static int ChannelsOf(int columns) => columns switch { < 48 => 1, < 96 => 2, < 256 => 3, < 800 => 4, < 1600 => 5, _ => ConvBinaryFr.MostChannels };

    /// <summary>The program of <see cref="ConvBinaryFr"/>, so many channels a set, or by <see cref="ChannelsOf"/> where 0; columns are channels times <paramref name="taps"/>.</summary>
    public static Tensor PackFr(Weight weight, int taps, int channels = 0)
    {
        var w = new SignRows(weight, taps);
        if (channels == 0) channels = ChannelsOf(w.Columns);
        if (channels is < 1 or > ConvBinaryFr.MostChannels) throw new ArgumentOutOfRangeException(nameof(channels));
        List<ushort> units = [];
        List<int> starts = [0];
        var bases = new int[w.Rows];
        for (int first = 0; first < w.Rows; first += channels)
        {
            Set(w, first, Math.Min(channels, w.Rows - first), units, bases);
            starts.Add(units.Count);
        }
        return Pack(w, bases, starts, units, (1 << (Math.Min(channels, w.Rows) - 1)) + 1);
    }

    // Group i of reversed Gray order differs from the first channel in channel c > 0 where bit (channels − 1 − c) of its pattern is set; the last group in none.
    private static void Set(SignRows w, int first, int channels, List<ushort> units, int[] bases)
    {
        int groups = 1 << (channels - 1);
        List<int>[] add = [.. Enumerable.Range(0, groups).Select(_ => new List<int>())], subtract = [.. Enumerable.Range(0, groups).Select(_ => new List<int>())];
        for (int k = 0; k < w.Columns; k++)
        {
            int pattern = 0, sign = w.Bit(first, k);
            for (int c = 1; c < channels; c++) pattern |= (w.Bit(first + c, k) ^ sign) << (channels - 1 - c);
            (sign != 0 ? add : subtract)[pattern].Add(k);
        }
        for (int c = 0; c < channels; c++) bases[first + c] = w.Zeros(first + c);
        units.AddRange([(ushort)channels, (ushort)first, 0, 0]);
        for (int g = 0; g < groups; g++)
        {
            int gray = groups - 1 - g, pattern = gray ^ (gray >> 1), excess = PlaneLists.Append(units, add[pattern], subtract[pattern], w.Columns);
            for (int c = 0; c < channels; c++) bases[first + c] -= c > 0 && (pattern >> (channels - 1 - c) & 1) != 0 ? -excess : excess;
        }
    }

    /// <summary>The program of <see cref="ConvBinaryMst"/>.</summary>
    public static Tensor PackMst(BinaryTree tree, int taps)
    {
        var w = new SignRows(tree, taps);
        var parents = tree.Parents.Span<int>();
        List<ushort> units = [];
        List<int> starts = [0], add = [], subtract = [];
        var bases = new int[w.Rows];
        var (order, places, count) = CounterPlaces(tree);
        foreach (int r in order)
        {
            int parent = parents[r];
            add.Clear();
            subtract.Clear();
            for (int k = 0; k < w.Columns; k++)
                if (parent < 0 || w.Bit(r, k) != w.Bit(parent, k)) (w.Bit(r, k) != 0 ? add : subtract).Add(k);
            units.AddRange([(ushort)r, parent < 0 ? ConvBinaryMst.None : (ushort)places[parent], (ushort)places[r], 0]);
            int excess = PlaneLists.Append(units, add, subtract, w.Columns);
            // What counts too many is carried on to the children: bases are the differences to the exact count.
            bases[r] = parent < 0 ? -excess : bases[parent] - 2 * excess;
            starts.Add(units.Count);
        }
        for (int r = 0; r < w.Rows; r++) bases[r] += w.Zeros(r);
        return Pack(w, bases, starts, units, count);
    }

    // Depth first. The last child takes its parent's place, and it is the one that needs the most places: no tree then needs more than the logarithm of its rows.
    private static (int[] Order, int[] Places, int Count) CounterPlaces(BinaryTree tree)
    {
        var parents = tree.Parents.Span<int>();
        int n = parents.Length;
        var need = new int[n];
        var children = new List<int>[n];
        for (int i = n - 1; i >= 0; i--)
        {
            int r = tree.Order[i];
            children[r] ??= [];
            children[r].Sort((a, b) => need[a] != need[b] ? need[a].CompareTo(need[b]) : a.CompareTo(b));
            need[r] = 1;
            for (int c = 0; c < children[r].Count; c++) need[r] = Math.Max(need[r], need[children[r][c]] + (c < children[r].Count - 1 ? 1 : 0));
            if (parents[r] >= 0) (children[parents[r]] ??= []).Add(r);
        }
        var places = new int[n];
        List<int> order = [];
        var stack = new Stack<int>([tree.Root]);
        while (stack.TryPop(out int r))
        {
            order.Add(r);
            for (int c = children[r].Count - 1; c >= 0; c--)
            {
                places[children[r][c]] = places[r] + (c < children[r].Count - 1 ? 1 : 0);
                stack.Push(children[r][c]);
            }
        }
        return ([.. order], places, need[tree.Root]);
    }

    private static Tensor Pack(SignRows w, int[] bases, List<int> starts, List<ushort> units, int counters)
    {
        int head = Header + w.Rows + Checked.Int(Checked.Mul(w.Rows, w.Taps)) + starts.Count;
        var packed = Tensor.Allocate(DType.I32, new Shape(head + (units.Count + 1) / 2));
        packed.Bytes.Clear();
        var y = packed.Span<int>();
        ((int[])[w.Rows, w.Columns, w.Taps, Math.Max(PlaneCounters<ulong, BitLanes64>.LeastBits + 1, BitOperations.Log2((uint)w.Columns) + 2), starts.Count - 1, counters]).CopyTo(y);
        bases.CopyTo(y[Header..]);
        for (int r = 0; r < w.Rows; r++)
            for (int k = 0; k < w.Columns; k++) y[Header + w.Rows + r * w.Taps + k % w.Taps] += 1 - 2 * w.Bit(r, k);
        starts.CopyTo(y[(head - starts.Count)..]);
        fixed (int* at = y[head..]) units.CopyTo(new Span<ushort>(at, units.Count));
        return packed;
    }

    /// <summary>The signs of either form of weight, a bit at a time.</summary>
    private readonly ref struct SignRows
    {
        private readonly ReadOnlySpan<ulong> _words;
        private readonly int _wordsARow;

        public SignRows(Weight weight, int taps)
        {
            var binary = weight switch
            {
                Binary b => b,
                BinaryTree t => t.ToBinary(),
                _ => throw new UnsupportedException($"a bit-sliced product takes signs, not {weight}"),
            };
            (Rows, Columns, Taps) = (binary.Rows, binary.Columns, taps);
            if (!Supports(Rows, Columns) || taps < 1 || Columns % taps != 0) throw new UnsupportedException($"a bit-sliced product takes up to {MostRows} x {MostColumns} signs, columns a multiple of {taps}, not {Rows} x {Columns}");
            _words = binary.Words.Span<ulong>();
            _wordsARow = binary.WordsPerRow;
        }

        public int Rows { get; }

        public int Columns { get; }

        public int Taps { get; }

        public int Bit(int row, int column) => (int)(_words[row * _wordsARow + column / 64] >> (column % 64)) & 1;

        public int Zeros(int row)
        {
            int ones = 0;
            for (int i = 0; i < _wordsARow; i++) ones += BitOperations.PopCount(_words[row * _wordsARow + i]);
            return Columns - ones;
        }
    }
}
