using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Tile: the input repeated along every axis; before opset 6, along one.</summary>
public sealed class Tile(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "Tile";

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        var x = c.Shape(0);
        var dims = x.ToArray();
        if (Attributes.Opset < 6)
        {
            if (!c.TryValue(1, out var tiles) | !c.TryValue(2, out var where)) return;
            int axis = AxisList.One(x, ScalarValue.ToLong(where, "axis"));
            dims[axis] = Checked.Mul(dims[axis], ScalarValue.ToLong(tiles, "tiles"));
        }
        else
        {
            if (!c.TryLongs(1, out var repeats)) return;
            if (repeats.Length != x.Rank) throw new OperatorException($"{repeats.Length} repeats do not fit input {x}");
            for (int i = 0; i < dims.Length; i++) dims[i] = Checked.Mul(dims[i], repeats[i]);
        }
        c.Set(0, c.DType(0), new Shape(dims));
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it repeats the signal");
}
