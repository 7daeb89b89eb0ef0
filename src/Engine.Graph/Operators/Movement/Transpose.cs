using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Transpose: axes in the order <c>perm</c>; reversed when it is not given.</summary>
public sealed class Transpose(Attributes a) : Operator(a)
{
    private readonly long[]? _perm = a.Ints("perm");

    /// <inheritdoc/>
    public override string Name => "Transpose";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <summary>The permutation for an input of rank <paramref name="rank"/>.</summary>
    public int[] Permutation(int rank)
    {
        if (_perm is null) return [.. Enumerable.Range(0, rank).Reverse()];
        if (_perm.Length != rank || !_perm.Order().SequenceEqual(Enumerable.Range(0, rank).Select(i => (long)i)))
            throw new OperatorException($"perm [{string.Join(',', _perm)}] is no permutation of {rank} axes");
        return [.. _perm.Select(p => (int)p)];
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        c.Set(0, c.DType(0), new Shape([.. Permutation(x.Rank).Select(p => x[p])]));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it has no axis of the stream's length");
}
