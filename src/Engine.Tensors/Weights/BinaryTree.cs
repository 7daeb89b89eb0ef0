namespace Engine.Tensors;

/// <summary>
/// Signs of which one row is stored and every other as its differences from a parent row: a spanning tree over output channels.
/// <para>Layout: parents i32 [rows], −1 for the root and elsewhere a row; the root's signs as u64 [⌈columns / 64⌉] as in
/// <see cref="Binary"/>; starts i32 [rows + 1] and flipped columns u16 or i32, rising strictly in a row: where row r differs from its
/// parent. The root has no entries.</para>
/// <para>Range: {−1, +1}. Reason: the product of row r follows from its parent's by the flipped columns alone:
/// P_r = P_parent + 2 · Σ xnor(x, w_r) − |D|. Smaller than <see cref="Binary"/> only where rows are much alike.</para>
/// </summary>
public sealed class BinaryTree : EncodedWeight
{
    private readonly int[] _order;

    /// <summary>Creates the weight; the parents must form one tree.</summary>
    public BinaryTree(Shape shape, Tensor parents, Tensor rootWords, Tensor starts, Tensor flips, DType dtype = DType.F32) : base(shape, dtype)
    {
        (Parents, RootWords, Starts, Flips) = (parents, rootWords, starts, flips);
        Require(parents.DType == DType.I32 && parents.Shape.Elements == Rows, $"parents are i32[{Rows}], not {parents}");
        long words = Checked.CeilDiv(Columns, 64);
        Require(rootWords.DType == DType.U64 && rootWords.Shape.Elements == words, $"the root's {Columns} signs take u64[{words}], not {rootWords}");
        Require(Columns % 64 == 0 || rootWords.Span<ulong>()[^1] >> (Columns % 64) == 0, "padding bits of the root are not zero");
        Require(starts.DType == DType.I32 && starts.Shape.Elements == Rows + 1L, $"row starts are i32[{Rows + 1L}], not {starts}");
        Require(flips.DType is DType.U16 or DType.I32, $"flipped columns are u16 or i32, not {flips.DType.Display()}");
        SparseCsr.CheckCsr(starts.Span<int>(), Flip, flips.Shape.Elements, Columns, "row");
        _order = TopDown(parents.Span<int>());
        Require(Rows == 0 || starts.Span<int>()[Root] == starts.Span<int>()[Root + 1], "the root has flipped columns");
    }

    /// <summary>Parent of each row; −1 for the root.</summary>
    public Tensor Parents { get; }

    /// <summary>The root's signs.</summary>
    public Tensor RootWords { get; }

    /// <summary>First flipped column of each row, and their number.</summary>
    public Tensor Starts { get; }

    /// <summary>Columns where a row differs from its parent.</summary>
    public Tensor Flips { get; }

    /// <summary>The row stored in full; −1 when there is none.</summary>
    public int Root => _order.Length == 0 ? -1 : _order[0];

    /// <summary>Rows in an order in which each comes after its parent.</summary>
    public IReadOnlyList<int> Order => _order;

    /// <inheritdoc/>
    public override long StoredBytes => Parents.ByteLength + RootWords.ByteLength + Starts.ByteLength + Flips.ByteLength;

    /// <inheritdoc/>
    public override string Describe() => "BinaryTree";

    /// <summary>The same signs, every row in full.</summary>
    public Binary ToBinary()
    {
        var root = RootWords.Span<ulong>();
        var all = Tensor.Allocate(DType.U64, new Shape(Checked.Mul(Rows, root.Length)));
        var parents = Parents.Span<int>();
        var starts = Starts.Span<int>();
        foreach (int r in _order)
        {
            var row = all.Span<ulong>().Slice(r * root.Length, root.Length);
            (parents[r] < 0 ? root : all.Span<ulong>().Slice(parents[r] * root.Length, root.Length)).CopyTo(row);
            for (int i = starts[r]; i < starts[r + 1]; i++) row[Flip(i) / 64] ^= 1ul << (Flip(i) % 64);
        }
        return new(Shape, all, DType);
    }

    private int Flip(int i) => Flips.DType == DType.U16 ? Flips.Span<ushort>()[i] : Flips.Span<int>()[i];

    // Breadth first from the root, children by a counting sort on parents; rows not reached are on a cycle.
    private static int[] TopDown(ReadOnlySpan<int> parents)
    {
        int n = parents.Length, root = -1;
        var first = new int[n + 1];
        for (int r = 0; r < n; r++)
        {
            int p = parents[r];
            Require(p >= -1 && p < n, $"parent {p} of row {r} is no row");
            Require(p >= 0 || root < 0, "there are two roots");
            if (p < 0) root = r;
            else first[p + 1]++;
        }
        if (n == 0) return [];
        Require(root >= 0, "there is no root");
        for (int r = 0; r < n; r++) first[r + 1] += first[r];
        var children = new int[n];
        var next = first.AsSpan(0, n).ToArray();
        for (int r = 0; r < n; r++) if (parents[r] >= 0) children[next[parents[r]]++] = r;
        var order = new int[n];
        order[0] = root;
        int reached = 1;
        for (int i = 0; i < reached; i++)
            for (int c = first[order[i]]; c < first[order[i] + 1]; c++) order[reached++] = children[c];
        Require(reached == n, "parents form a cycle");
        return order;
    }

    private protected override void DecodeTo(Span<float> y)
    {
        var parents = Parents.Span<int>();
        var starts = Starts.Span<int>();
        var root = RootWords.Span<ulong>();
        foreach (int r in _order)
        {
            var row = y.Slice(r * Columns, Columns);
            if (parents[r] < 0) for (int k = 0; k < Columns; k++) row[k] = (root[k / 64] >> (k % 64) & 1) != 0 ? -1 : 1;
            else y.Slice(parents[r] * Columns, Columns).CopyTo(row);
            for (int i = starts[r]; i < starts[r + 1]; i++) row[Flip(i)] *= -1;
        }
    }
}
