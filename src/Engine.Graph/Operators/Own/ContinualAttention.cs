using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// One step of attention over a window that advances with a stream: P new frames come, as many old ones leave. Queries, keys and values of the window of N frames live in a ring from step to step;
/// <see cref="Next"/> is the place of the oldest. A state of zeros is a window of zeros.
/// </summary>
public abstract class ContinualAttention : Operator
{
    /// <summary>Reads the attributes.</summary>
    protected ContinualAttention(Attributes a) : base(a) => Scale = a.Float("scale", 1);

    /// <inheritdoc/>
    public sealed override string Domain => OwnOperators.Domain;

    /// <summary>Factor of the products of queries and keys.</summary>
    public float Scale { get; }

    /// <summary>Number of the input that holds the place of the oldest frame.</summary>
    public abstract int Next { get; }

    /// <summary>Types of the states for queries and values of such types and a window of so many frames.</summary>
    public abstract IReadOnlyList<TensorType> States(TensorType q, TensorType v, long window);

    /// <summary>Rows of the result for a window of so many frames.</summary>
    protected abstract long Rows(long window);

    /// <summary>Operations a new frame and a frame of the window, of one head.</summary>
    protected abstract double Operations(long width, long valueWidth);

    /// <inheritdoc/>
    public sealed override void Infer(InferContext c)
    {
        for (int i = 0; i < 3; i++) c.Require(i, DType.F32);
        Shape q = c.Shape(0), k = c.Shape(1), v = c.Shape(2);
        if (q.Rank is < 2 or > 4 || k != q || v.Rank != q.Rank || v != q.With(q.Rank - 1, v[-1])) throw new OperatorException($"queries {q}, keys {k} and values {v}: [.., frames, width] of rank 2 to 4, equal but for the width of values, expected");
        if (q[-2] < 1 || c.Shape(3).Rank != q.Rank || c.Shape(3)[-2] < 1) throw new OperatorException($"new frames {q} and those of state {c.Shape(3)}: at least one of each expected");
        long window = c.Shape(3)[-2];
        var states = States(c.In(0), c.In(2), window);
        for (int i = 0; i < states.Count; i++)
        {
            if (c.In(3 + i) != states[i]) throw new OperatorException($"state {c.In(3 + i)} is not {states[i]}");
            c.Set(1 + i, states[i]);
        }
        c.Set(0, DType.F32, v.With(v.Rank - 2, Rows(window)));
    }

    /// <inheritdoc/>
    public sealed override Cost Cost(InferContext c) => new(c.In(0).Shape.Product(0, c.Shape(0).Rank - 1) * c.Shape(3)[-2] * Operations(c.Shape(0)[-1], c.Shape(2)[-1]), c.TotalBytes);

    /// <summary>A ring of <paramref name="window"/> frames of <paramref name="width"/> elements for the heads of <paramref name="q"/>.</summary>
    protected static TensorType Ring(DType type, TensorType q, long window, long width) => new(type, q.Shape.With(q.Shape.Rank - 2, window).With(q.Shape.Rank - 1, width));

    /// <summary>The places of the oldest frames: one an entry of the first axis before the frames.</summary>
    protected static TensorType Places(TensorType q) => new(DType.I64, new Shape(q.Shape.Rank > 2 ? q.Shape[0] : 1));

    /// <summary>The attribute of both operators.</summary>
    protected static Attributes Of(float scale) => new(1, new Dictionary<string, object> { ["scale"] = scale });
}

/// <summary>
/// engine SingleOutputAttention(q [.., P, E], k [.., P, E], v [.., P, F], past f32 [.., N, E + F], next i64 [B]): softmax(q·kᵀ · <c>scale</c>)·v of the newest frame with the newest N keys and values,
/// y [.., 1, F]; then the states after it. Keys and values in front of past are those of its frames.
/// </summary>
public sealed class SingleOutputAttention(Attributes a) : ContinualAttention(a)
{
    /// <summary>The operator with a factor.</summary>
    public SingleOutputAttention(float scale) : this(Of(scale)) { }

    /// <inheritdoc/>
    public override string Name => "SingleOutputAttention";

    /// <inheritdoc/>
    public override int Next => 4;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> States(TensorType q, TensorType v, long window) => [Ring(DType.F32, q, window, Checked.Add(q.Shape[-1], v.Shape[-1])), Places(q)];

    /// <inheritdoc/>
    protected override long Rows(long window) => 1;

    /// <inheritdoc/>
    protected override double Operations(long width, long valueWidth) => 2.0 * (width + valueWidth) + 20;
}

/// <summary>
/// engine RetroactiveAttention(q [.., P, E], k [.., P, E], v [.., P, F], past f32 [.., N, 2E + 2F], rows f64 [.., N, 3], next i64 [B]): softmax(q·kᵀ · <c>scale</c>)·v of the newest N frames with each
/// other, y [.., N, F], the oldest first; then the states after it. Each row's sums of weights and of weighted values are kept, what comes is added and what leaves taken away; what that adds to the error
/// of a row is at most 8e-6 of the largest value.
/// </summary>
public sealed class RetroactiveAttention(Attributes a) : ContinualAttention(a)
{
    /// <summary>Most that updates add to the error of a row, as a part of the largest value in the window.</summary>
    public const double Bound = 8e-6;

    /// <summary>The operator with a factor.</summary>
    public RetroactiveAttention(float scale) : this(Of(scale)) { }

    /// <inheritdoc/>
    public override string Name => "RetroactiveAttention";

    /// <inheritdoc/>
    public override int Next => 5;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> States(TensorType q, TensorType v, long window) =>
        [Ring(DType.F32, q, window, Checked.Mul(2, Checked.Add(q.Shape[-1], v.Shape[-1]))), Ring(DType.F64, q, window, 3), Places(q)];

    /// <inheritdoc/>
    protected override long Rows(long window) => window;

    /// <inheritdoc/>
    protected override double Operations(long width, long valueWidth) => 4.0 * (width + valueWidth) + 40;
}
