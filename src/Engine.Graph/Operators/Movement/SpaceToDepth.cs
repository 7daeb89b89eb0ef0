using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX SpaceToDepth: [N, C, H·b, W·b] → [N, b·b·C, H, W], the offset in a block outermost among channels.</summary>
public sealed class SpaceToDepth(Attributes a) : Operator(a)
{
    /// <summary>Block size b.</summary>
    public long Block { get; } = BlockSize(a);

    /// <inheritdoc/>
    public override string Name => "SpaceToDepth";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.RequireRank(0, 4);
        var x = c.Shape(0);
        if (x[2] % Block != 0 || x[3] % Block != 0) throw new OperatorException($"height and width of {x} are no multiples of block size {Block}");
        c.Set(0, c.DType(0), new Shape(x[0], Checked.Mul(x[1], Checked.Mul(Block, Block)), x[2] / Block, x[3] / Block));
    }

    internal static long BlockSize(Attributes a)
    {
        long b = a.Int("blocksize");
        return b > 0 ? b : throw new OperatorException($"blocksize {b} is not positive");
    }
}
