using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX DepthToSpace: [N, C·b², H, W] → [N, C, H·b, W·b]. Channels are ordered (bh, bw, C) in mode DCR, (C, bh, bw) in mode CRD.</summary>
public sealed class DepthToSpace(Attributes a) : Operator(a)
{
    /// <summary>Block size b.</summary>
    public long Block { get; } = SpaceToDepth.BlockSize(a);

    /// <summary>True when channels are ordered (C, bh, bw).</summary>
    public bool ChannelFirst { get; } = a.String("mode", "DCR") switch
    {
        "DCR" => false,
        "CRD" => true,
        var m => throw new OperatorException($"mode '{m}' is neither DCR nor CRD"),
    };

    /// <inheritdoc/>
    public override string Name => "DepthToSpace";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.RequireRank(0, 4);
        var x = c.Shape(0);
        long square = Checked.Mul(Block, Block);
        if (x[1] % square != 0) throw new OperatorException($"{x[1]} channels are no multiple of {Block}²");
        c.Set(0, c.DType(0), new Shape(x[0], x[1] / square, Checked.Mul(x[2], Block), Checked.Mul(x[3], Block)));
    }
}
