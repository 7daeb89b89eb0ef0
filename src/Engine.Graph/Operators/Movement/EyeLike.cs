using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX EyeLike: a matrix of the input's shape with ones on diagonal k, zeros elsewhere.</summary>
public sealed class EyeLike(Attributes a) : Operator(a)
{
    private readonly DType _dtype = a.Has("dtype") ? (DType)a.Int("dtype") : DType.Undefined;

    /// <summary>Diagonal; 0 is the main one, positive ones lie above it.</summary>
    public long K { get; } = a.Int("k", 0);

    /// <inheritdoc/>
    public override string Name => "EyeLike";

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.RequireRank(0, 2);
        var t = _dtype == DType.Undefined ? c.DType(0) : _dtype;
        if (!t.IsFloat() && !t.IsInteger() && t != DType.Bool) throw new OperatorException($"element type {t.Display()} has no one");
        c.Set(0, t, c.Shape(0));
    }
}
