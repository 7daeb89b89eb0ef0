namespace Engine.Graph.Operators;

/// <summary>ONNX NonMaxSuppression: [batch, class, box] i64 of the boxes kept, best score first within a class.</summary>
public sealed class NonMaxSuppression(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "NonMaxSuppression";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.Dynamic;

    /// <summary>True for boxes [x centre, y centre, width, height], false for any two corners [y1, x1, y2, x2].</summary>
    public bool CenterPointBox { get; } = a.Bool("center_point_box");

    /// <inheritdoc/>
    public override void Infer(InferContext c) { }
}
