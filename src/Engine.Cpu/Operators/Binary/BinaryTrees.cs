using System.Runtime.CompilerServices;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Signs of a weight in rows, and trees over them.</summary>
internal static unsafe class BinaryTrees
{
    // Distances of all pairs in some milliseconds.
    private const double MostWork = 1 << 26;
    private static readonly ConditionalWeakTable<Binary, SignedTree> s_trees = [];

    /// <summary>In how many signs rows differ from their parents in the tree of a weight; null where no tree is to be made.</summary>
    public static long? Differences(Weight w) => w switch
    {
        BinaryTree tree => tree.Differences,
        Binary b when (double)b.Rows * b.Rows * b.WordsPerRow <= MostWork && SlicedProgram.Supports(b.Rows, b.Columns) => Of(b).Tree.Differences,
        _ => null,
    };

    /// <summary>The tree of a weight that is one, else one that is made, once a weight, whose rows may have the other sign.</summary>
    public static SignedTree Of(Weight w) => w is BinaryTree tree ? new(tree, new bool[tree.Rows]) : s_trees.GetValue(Signs(w), static b => SpanningTree.UpToSign(b));

    /// <summary>The signs of any weight, in rows.</summary>
    public static Binary Signs(Weight w)
    {
        switch (w)
        {
            case Binary binary: return binary;
            case BinaryTree tree: return tree.ToBinary();
        }
        var dense = w.ToF32();
        int rows = w.Shape.Int(0), columns = Checked.Int(w.Shape.Elements / rows);
        var words = Tensor.Allocate(DType.U64, new Shape(Checked.Mul(rows, ChannelBits.Words(columns))));
        ChannelBits.FromPlanes(Workers.Single, (float*)dense.Pointer, rows, columns, 1, 0, false, (ulong*)words.Pointer);
        GC.KeepAlive(dense);
        return new Binary(w.Shape, words);
    }
}
