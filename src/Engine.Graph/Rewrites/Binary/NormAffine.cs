using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>A batch normalization with constants as y = factor · x + shift, as its kernel rounds them.</summary>
internal sealed record NormAffine(double[] Factor, float[] Shift)
{
    /// <summary>The factors of <paramref name="n"/>, or null where its operands are not f32 constants of one length.</summary>
    public static NormAffine? Of(Node n)
    {
        if (n.Op is not BatchNormalization { Training: false, Spatial: true } op || n.Outputs.Count(o => o is not null) != 1) return null;
        var t = Enumerable.Range(1, 4).Select(i => n.Input(i)?.ConstantTensor).ToArray();
        if (t.Any(x => x is not { DType: DType.F32 } || x.Shape.Elements != t[0]!.Shape.Elements)) return null;
        float[] scale = t[0]!.Span<float>().ToArray(), bias = t[1]!.Span<float>().ToArray(), mean = t[2]!.Span<float>().ToArray(), variance = t[3]!.Span<float>().ToArray();
        double[] factor = [.. scale.Select((s, i) => s / Math.Sqrt((double)variance[i] + op.Epsilon))];
        return new(factor, [.. bias.Select((b, i) => (float)(b - (double)mean[i] * factor[i]))]);
    }
}
