using Engine.Graph;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Sums of a row's opposite are the opposite of its sums: thresholds and scales take the other sign, and the layer gives the same bits.</summary>
internal static class NegatedRows
{
    /// <summary>True where what is made of the layer's sums is constant, so that it can be turned round.</summary>
    public static bool Fits(Node n) => Enumerable.Range(2, 3).All(i => n.Input(i) is null or { ConstantTensor: not null });

    /// <summary>The layer with the rows of <paramref name="tree"/> as its weight.</summary>
    public static Node Apply(Node n, SignedTree tree)
    {
        var inputs = n.Inputs.ToList();
        inputs[1] = new Value(n.Inputs[1]!.Name) { Constant = tree.Tree };
        if (tree.Negated.Contains(true))
        {
            while (inputs.Count < 4) inputs.Add(null);
            if (n.Input(2)?.ConstantTensor is { DType: DType.I32 } thresholds) Thresholds(n, thresholds, inputs, tree);
            else Scales(n, inputs, tree);
            while (inputs[^1] is null) inputs.RemoveAt(inputs.Count - 1);
        }
        return new Node(n.Name, n.Op, inputs, n.Outputs);
    }

    private static void Thresholds(Node n, Tensor thresholds, List<Value?> inputs, SignedTree tree)
    {
        int[] t = thresholds.Span<int>().ToArray();
        var directions = new sbyte[t.Length];
        for (int m = 0; m < t.Length; m++)
        {
            (t[m], bool above) = tree.Turn(m, t[m], n.Input(3)?.ConstantTensor!.Span<sbyte>()[m] < 0);
            directions[m] = (sbyte)(above ? -1 : 1);
        }
        inputs[2] = Value.Of(n.Input(2)!.Name, Tensor.Vector<int>(t));
        inputs[3] = directions.Contains((sbyte)-1) ? Value.Of(n.Input(3)?.Name ?? $"{n.Name}/direction", Tensor.Vector<sbyte>(directions)) : null;
    }

    private static void Scales(Node n, List<Value?> inputs, SignedTree tree)
    {
        float[] Values(int i, Func<int, float> otherwise) => n.Input(i)?.ConstantTensor is { } t ? t.Span<float>().ToArray() : [.. Enumerable.Range(0, tree.Negated.Length).Select(otherwise)];
        float[] scale = Values(2, _ => 1), below = Values(4, m => scale[m]);
        for (int m = 0; m < scale.Length; m++) (scale[m], below[m]) = tree.Turn(m, scale[m], below[m]);
        inputs[2] = Value.Of(n.Input(2)?.Name ?? $"{n.Name}/scale", Tensor.Vector<float>(scale));
        if (n.Input(4) is { } v) inputs[4] = Value.Of(v.Name, Tensor.Vector<float>(below));
    }
}
