using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>A constant weight as −1 and +1 times one magnitude an output channel.</summary>
/// <param name="Signs">[M, C / group, …] for convolutions, [M, K] for products: <see cref="Binary"/> or <see cref="BinaryTree"/>.</param>
/// <param name="Magnitudes">One for each output channel, above 0.</param>
internal sealed record SignWeights(Weight Signs, float[] Magnitudes)
{
    /// <summary>Signs of an output channel.</summary>
    public int Inputs => Magnitudes.Length == 0 ? 0 : Checked.Int(Signs.Shape.Elements / Magnitudes.Length);

    /// <summary>The weight of a convolution or product that is just that, bit for bit; else null, and why.</summary>
    public static SignWeights? Of(Node n, out string why)
    {
        why = "";
        if (n.Input(1)?.Constant is not { DType: DType.F32 } w) why = "its weights are not constant f32";
        else if (w.Shape.Elements == 0 || w.Shape.Rank < 2) why = $"its weights are {w.Shape}";
        else
        {
            float scale = n.Op is Gemm g ? g.Alpha : 1;
            bool columns = n.Op is MatMul || n.Op is Gemm && !n.Op.Attributes.Bool("transB");
            if (columns && w.Shape.Rank != 2) why = $"its weights are {w.Shape}";
            else if (!(scale > 0) || !float.IsFinite(scale)) why = $"alpha is {scale}";
            else if (Stored(columns ? null : w) is { } stored) return stored with { Magnitudes = [.. stored.Magnitudes.Select(m => m * scale)] };
            else if (w is Dense or Scaled { Inner: Binary or BinaryTree } or Binary or BinaryTree) return Find(columns ? w.ToF32().Transposed() : w.ToF32(), scale, out why);
            else why = $"its weights are {w.Describe()}";
        }
        return null;
    }

    // As an engine file keeps them.
    private static SignWeights? Stored(Weight? w) => w switch
    {
        Binary or BinaryTree => new(w, [.. Enumerable.Repeat(1f, w.Shape.Int(0))]),
        Scaled { Inner: Binary or BinaryTree, Column: null, Row: { } row } s when row.Span<float>().IndexOfAnyExceptInRange(float.Epsilon, float.MaxValue) < 0 => new(s.Inner, row.Span<float>().ToArray()),
        _ => null,
    };

    private static SignWeights? Find(Tensor dense, float scale, out string why)
    {
        why = "";
        var values = dense.Span<float>();
        int rows = dense.Shape.Int(0), columns = values.Length / rows, words = (int)Checked.CeilDiv(columns, 64);
        var bits = Tensor.Allocate(DType.U64, new Shape(Checked.Mul(rows, words)));
        var to = bits.Span<ulong>();
        var magnitudes = new float[rows];
        for (int r = 0; r < rows; r++)
        {
            var row = values.Slice(r * columns, columns);
            float size = MathF.Abs(row[0]);
            if (!(size > 0) || !float.IsFinite(size))
            {
                why = size == 0 ? $"weight 0 of channel {r} is 0" : $"a weight of channel {r} is not finite";
                return null;
            }
            for (int k = 0; k < columns; k++)
            {
                if (MathF.Abs(row[k]) != size)
                {
                    why = $"weights of channel {r} differ in magnitude";
                    return null;
                }
                if (row[k] < 0) to[r * words + k / 64] |= 1ul << k % 64;
            }
            magnitudes[r] = size * scale;
        }
        GC.KeepAlive(dense);
        return new(new Binary(dense.Shape, bits), magnitudes);
    }
}
