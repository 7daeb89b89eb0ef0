using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// engine RandomFeatures(x [.., K], g [m, K], psi [N, m], bias? [N]): y = φ(x) · psiᵀ + bias with φ(x) = max(x · gᵀ, floor) / √m, in f32: a layer of a scalable neural network kernel (SNNK), whose features are random and whose psi is learned.
/// Both matrices are constants in any weight form: features are stored and never drawn again, so that a model says the same everywhere. Attribute <c>floor</c>, 0.
/// </summary>
public sealed class RandomFeatures(Attributes a) : Operator(a)
{
    /// <inheritdoc/>
    public override string Name => "RandomFeatures";

    /// <inheritdoc/>
    public override string Domain => OwnOperators.Domain;

    /// <summary>The least value of a feature before it is scaled.</summary>
    public float Floor { get; } = a.Float("floor", 0);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        for (int i = 0; i < (c.Has(3) ? 4 : 3); i++) c.Require(i, DType.F32);
        c.RequireRank(1, 2);
        c.RequireRank(2, 2);
        var (x, g, psi) = (c.Shape(0), c.Shape(1), c.Shape(2));
        if (x.Rank < 1 || g[1] != x[-1] || psi[1] != g[0] || g[0] == 0 || g[1] == 0) throw new OperatorException($"features {g} and {psi} do not fit x {x}: [.., K], [m, K] and [N, m] expected");
        if (c.Has(3) && (c.Shape(3).Rank != 1 || c.Shape(3)[0] != psi[0])) throw new OperatorException($"bias {c.Shape(3)} does not fit {psi[0]} outputs");
        c.Set(0, DType.F32, x.With(x.Rank - 1, psi[0]));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(2.0 * c.In(0).Elements * c.Shape(1)[0] + 2.0 * c.OutputElements * c.Shape(1)[0], c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream");
}
