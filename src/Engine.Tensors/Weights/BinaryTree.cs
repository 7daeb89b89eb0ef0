namespace Engine.Tensors;

/// <summary>
/// Signs as a spanning tree over output channels: the product of a row follows from its parent's by the columns D where their signs differ alone, P_r = P_parent + 2 · Σ xnor(x, w_r) − |D|.
/// <para>Layout: parents i32 [rows], −1 for the root and elsewhere a row; then whichever is smaller: all signs as in <see cref="Binary"/>, or the root's signs as u64 [⌈columns / 64⌉], starts i32 [rows + 1]
/// and flipped columns u16 or i32, rising strictly in a row: where row r differs from its parent. The root has no entries.</para>
/// <para>Range: {−1, +1}. Reason: rows that are much alike take few additions each; lists are smaller than signs only where rows differ in less than a sixteenth of their columns.</para>
/// </summary>
public sealed class BinaryTree : EncodedWeight
{
    private readonly int[] _order;

    /// <summary>Creates the weight from lists of flipped columns; the parents must form one tree.</summary>
    public BinaryTree(Shape shape, Tensor parents, Tensor rootWords, Tensor starts, Tensor flips, DType dtype = DType.F32) : base(shape, dtype)
    {
        (Parents, RootWords, Starts, Flips) = (parents, rootWords, starts, flips);
        CheckParents();
        long words = Checked.CeilDiv(Columns, 64);
        Require(rootWords.DType == DType.U64 && rootWords.Shape.Elements == words, $"the root's {Columns} signs take u64[{words}], not {rootWords}");
        Require(Columns % 64 == 0 || rootWords.Span<ulong>()[^1] >> (Columns % 64) == 0, "padding bits of the root are not zero");
        Require(starts.DType == DType.I32 && starts.Shape.Elements == Rows + 1L, $"row starts are i32[{Rows + 1L}], not {starts}");
        Require(flips.DType is DType.U16 or DType.I32, $"flipped columns are u16 or i32, not {flips.DType.Display()}");
        SparseCsr.CheckCsr(starts.Span<int>(), Flip, flips.Shape.Elements, Columns, "row");
        _order = RootedTree.TopDown(parents.Span<int>());
        Require(Rows == 0 || starts.Span<int>()[Root] == starts.Span<int>()[Root + 1], "the root has flipped columns");
    }

    /// <summary>Creates the weight from the signs of all rows, padding bits zero; the parents must form one tree.</summary>
    public BinaryTree(Shape shape, Tensor parents, Tensor words, DType dtype = DType.F32) : base(shape, dtype)
    {
        (Parents, Words) = (parents, new Binary(shape, words, dtype).Words);
        CheckParents();
        _order = RootedTree.TopDown(parents.Span<int>());
    }

    /// <summary>The signs along a tree, stored in the smaller way.</summary>
    internal BinaryTree(Binary signs, RootedTree tree) : base(signs.Shape, signs.DType)
    {
        (Parents, _order) = (Tensor.Vector<int>(tree.Parents), tree.Order);
        long flips = 0;
        foreach (int r in _order.AsSpan(1)) flips += SpanningTree.Distance(signs.Words.Span<ulong>(), r, tree.Parents[r], signs.WordsPerRow);
        var type = Columns <= ushort.MaxValue + 1 ? DType.U16 : DType.I32;
        if (sizeof(ulong) * (long)signs.WordsPerRow + sizeof(int) * (Rows + 1L) + type.ByteCount(flips) >= signs.StoredBytes) Words = signs.Words;
        else (RootWords, Starts, Flips) = Lists(signs, tree, type, Checked.Int(flips));
    }

    /// <summary>Parent of each row; −1 for the root.</summary>
    public Tensor Parents { get; }

    /// <summary>All signs, as <see cref="Binary"/> has them; null where lists are stored.</summary>
    public Tensor? Words { get; }

    /// <summary>The root's signs; null where all are stored.</summary>
    public Tensor? RootWords { get; }

    /// <summary>First flipped column of each row, and their number; null where all signs are stored.</summary>
    public Tensor? Starts { get; }

    /// <summary>Columns where a row differs from its parent; null where all signs are stored.</summary>
    public Tensor? Flips { get; }

    /// <summary>The first row of <see cref="Order"/>; −1 when there is none.</summary>
    public int Root => _order.Length == 0 ? -1 : _order[0];

    /// <summary>Rows in an order in which each comes after its parent.</summary>
    public IReadOnlyList<int> Order => _order;

    /// <summary>Edges from the root to the farthest row.</summary>
    public int Depth => Rows == 0 ? 0 : new RootedTree(Parents.Span<int>().ToArray()).Depth;

    /// <summary>Columns in which rows differ from their parents, all together.</summary>
    public long Differences
    {
        get
        {
            if (Flips is not null) return Flips.Shape.Elements;
            long sum = 0;
            int words = (int)Checked.CeilDiv(Columns, 64);
            foreach (int r in _order.AsSpan(Math.Min(1, _order.Length))) sum += SpanningTree.Distance(Words!.Span<ulong>(), r, Parents.Span<int>()[r], words);
            return sum;
        }
    }

    /// <inheritdoc/>
    public override long StoredBytes => Parents.ByteLength + (Words?.ByteLength ?? RootWords!.ByteLength + Starts!.ByteLength + Flips!.ByteLength);

    /// <inheritdoc/>
    public override string Describe() => "BinaryTree";

    /// <summary>The same signs, every row in full.</summary>
    public Binary ToBinary()
    {
        if (Words is not null) return new(Shape, Words, DType);
        var root = RootWords!.Span<ulong>();
        var all = Tensor.Allocate(DType.U64, new Shape(Checked.Mul(Rows, root.Length)));
        var parents = Parents.Span<int>();
        var starts = Starts!.Span<int>();
        foreach (int r in _order)
        {
            var row = all.Span<ulong>().Slice(r * root.Length, root.Length);
            (parents[r] < 0 ? root : all.Span<ulong>().Slice(parents[r] * root.Length, root.Length)).CopyTo(row);
            for (int i = starts[r]; i < starts[r + 1]; i++) row[Flip(i) / 64] ^= 1ul << (Flip(i) % 64);
        }
        GC.KeepAlive(this);
        return new(Shape, all, DType);
    }

    private int Flip(int i) => Flips!.DType == DType.U16 ? Flips.Span<ushort>()[i] : Flips.Span<int>()[i];

    private void CheckParents() => Require(Parents.DType == DType.I32 && Parents.Shape.Elements == Rows, $"parents are i32[{Rows}], not {Parents}");

    private static (Tensor RootWords, Tensor Starts, Tensor Flips) Lists(Binary signs, RootedTree tree, DType type, int count)
    {
        int rows = signs.Rows, words = signs.WordsPerRow;
        var w = signs.Words.Span<ulong>();
        var starts = new int[rows + 1];
        var flips = Tensor.Allocate(type, new Shape(count));
        int at = 0;
        for (int r = 0; r < rows; starts[++r] = at)
        {
            int parent = tree.Parents[r];
            for (int i = 0; parent >= 0 && i < words; i++)
                for (ulong x = w[r * words + i] ^ w[parent * words + i]; x != 0; x &= x - 1, at++)
                {
                    int column = 64 * i + System.Numerics.BitOperations.TrailingZeroCount(x);
                    if (type == DType.U16) flips.Span<ushort>()[at] = (ushort)column;
                    else flips.Span<int>()[at] = column;
                }
        }
        var root = Tensor.Allocate(DType.U64, new Shape(words));
        w.Slice(tree.Order[0] * words, words).CopyTo(root.Span<ulong>());
        GC.KeepAlive(signs);
        return (root, Tensor.Vector<int>(starts), flips);
    }

    private protected override void DecodeTo(Span<float> y)
    {
        var signs = ToBinary().ToF32();
        signs.Span<float>().CopyTo(y);
        GC.KeepAlive(signs);
    }
}
