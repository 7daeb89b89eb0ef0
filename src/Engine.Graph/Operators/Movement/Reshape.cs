using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Reshape: the same elements under another shape; one −1 is deduced, 0 copies the input's dimension unless allowzero.</summary>
public sealed class Reshape(Attributes a) : Operator(a)
{
    private readonly long[]? _shape = a.Opset < 5 ? a.Ints("shape") ?? [] : null;
    private readonly bool _allowZero = a.Bool("allowzero");

    /// <inheritdoc/>
    public override string Name => "Reshape";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.View;

    /// <inheritdoc/>
    public override bool MovesData => true;

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        long[] d;
        if (_shape is not null) d = [.. _shape];
        else if (!c.TryLongs(1, out d)) return;
        var x = c.Shape(0);
        int deduced = -1;
        long known = 1;
        for (int i = 0; i < d.Length; i++)
        {
            if (d[i] == 0 && !_allowZero)
            {
                if (i >= x.Rank) throw new OperatorException($"dimension {i} of shape [{string.Join(',', d)}] copies an axis that input {x} does not have");
                d[i] = x[i];
            }
            if (d[i] == -1)
            {
                if (deduced >= 0) throw new OperatorException($"shape [{string.Join(',', d)}] has more than one -1");
                deduced = i;
            }
            else if (d[i] < 0) throw new OperatorException($"shape [{string.Join(',', d)}] has a negative dimension");
            else known = Checked.Mul(known, d[i]);
        }
        if (deduced >= 0)
        {
            if (known == 0 ? x.Elements != 0 : x.Elements % known != 0) throw new OperatorException($"cannot reshape {x} to [{string.Join(',', d)}]");
            d[deduced] = known == 0 ? 0 : x.Elements / known;
        }
        var shape = new Shape(d);
        if (shape.Elements != x.Elements) throw new OperatorException($"cannot reshape {x} ({x.Elements} elements) to {shape} ({shape.Elements} elements)");
        c.Set(0, c.DType(0), shape);
    }

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.View(c, x => StreamForms.Infer(c, x));
}
