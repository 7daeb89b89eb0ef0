using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// Where the vectors of attention lie in an operand's elements: element i of (batch entry b, head n, position s) is at
/// Offset + b · Batch + n · Head + s · Row + i · Element. A stride is 0 where the operand is broadcast.
/// </summary>
public sealed record HeadLayout(long Offset, long Batch, long Head, long Row, long Element);

/// <summary>Which keys a truth value hides, and the score that they get.</summary>
public sealed record HiddenKeys(bool When, float Fill);

/// <summary>
/// Attention that the planner made of a product, softmax and product: y = softmax(q·kᵀ · scale, hidden keys, + addend)·v. Inputs are q, k, v,
/// the f32 addend of the scores and the truth values that hide keys (both optional), each read where it lies.
/// </summary>
public sealed class StridedAttention(Shape output, int batch, int heads, int rows, int keys, int width, int valueWidth, float scale) : Operator(Attributes.None)
{
    /// <inheritdoc/>
    public override string Name => "Attention";

    /// <summary>Batch entries, heads a batch entry, query and key positions.</summary>
    public (int Batch, int Heads, int Rows, int Keys) Counts => (batch, heads, rows, keys);

    /// <summary>Elements of a query or key, and of a value.</summary>
    public (int Query, int Value) Widths => (width, valueWidth);

    /// <summary>Factor of the products.</summary>
    public float Scale => scale;

    /// <summary>Layouts of the inputs; null where one is left out.</summary>
    public IReadOnlyList<HeadLayout?> Inputs { get; init; } = [];

    /// <summary>Layout of the output.</summary>
    public required HeadLayout Output { get; init; }

    /// <summary>What input 4 hides.</summary>
    public HiddenKeys? Hidden { get; init; }

    /// <inheritdoc/>
    public override void Infer(InferContext c) => c.Set(0, DType.F32, output);

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new((double)batch * heads * rows * keys * (2.0 * (width + valueWidth) + 20), c.TotalBytes);
}
