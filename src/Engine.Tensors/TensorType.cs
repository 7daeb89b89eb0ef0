namespace Engine.Tensors;

/// <summary>Element type and concrete shape of a wire in a plan.</summary>
public sealed record TensorType(DType DType, Shape Shape)
{
    /// <summary>Number of elements.</summary>
    public long Elements => Shape.Elements;

    /// <summary>Bytes in plain storage.</summary>
    public long Bytes => DType.ByteCount(Shape.Elements);

    /// <summary>As in <c>f32[1,10]</c>.</summary>
    public override string ToString() => DType.Display() + Shape;
}
