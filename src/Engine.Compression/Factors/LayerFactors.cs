using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// The factors of one layer, in the order in which they meet its inputs. A low-rank form of a table or a product: [rank, columns], [rows, rank]; of a
/// convolution filters of each stage, without the window's axes that a stage has not.
/// </summary>
/// <param name="Form">Kind and ranks.</param>
/// <param name="Stages">The factors.</param>
internal sealed record LayerFactors(Factorization Form, IReadOnlyList<Tensor> Stages)
{
    /// <summary>Bytes of all factors.</summary>
    public long Bytes => Stages.Sum(s => s.ByteLength);

    /// <summary>The matrix [rows, columns] that they stand for.</summary>
    public float[] Decode(Layer layer, Kernels.Workers workers)
    {
        float[][] s = [.. Stages.Select(t => t.Span<float>().ToArray())];
        int rank = Stages[^1].Shape.Int(1), rows = layer.Rows;
        switch (Form.Kind)
        {
            case FactorKind.Tucker:
                // [r, s] · [s, inputs], a tap at a time.
                int inner = Stages[0].Shape.Int(0), inputs = layer.Columns / layer.Taps;
                return Products.Times(s[2], rows, Axes.Expand(s[1], s[0], rank, inner, layer.Taps, inputs, workers), layer.Columns, rank, workers);
            case FactorKind.Spatial:
                return Axes.JoinWindow(s[0], s[1], layer, rank, workers);
            case FactorKind.Canonical:
                return Products.Times(s[3], rows, Axes.Outer(s[0], s[1], s[2], rank), layer.Columns, rank, workers);
            default:
                return Products.Times(s[1], rows, s[0], layer.Columns, rank, workers);
        }
    }
}
