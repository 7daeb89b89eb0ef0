using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>Weights of a graph rounded to the nearest code, group by group, with no calibration: what better methods are compared with.</summary>
internal static class RoundToNearest
{
    /// <summary>Products with a constant matrix get codes of <paramref name="bits"/> bits (2 means −1, 0, +1), tables that rows are gathered from 8 bits.</summary>
    public static void Apply(ModelGraph graph, int bits, int group)
    {
        var attributes = new Attributes(1, new Dictionary<string, object> { ["transB"] = 1L }) { InputCount = 2 };
        graph.Nodes = [.. graph.Nodes.Select(n =>
            n.Op is MatMul && n.Inputs[1]!.Constant is { Shape.Rank: 2 } w ? new Node(n.Name, new FusedMatMul(attributes), [n.Inputs[0], Wire(n.Inputs[1]!, Weight(Transposed(w), bits, group))], n.Outputs)
            : n.Op is Gather && n.Inputs[0]!.Constant is { DType: DType.F32, Shape.Rank: 2 } t ? new Node(n.Name, n.Op, [Wire(n.Inputs[0]!, Weight(t.ToF32(), 8, group)), n.Inputs[1]], n.Outputs)
            : n)];
    }

    private static Value Wire(Value from, Weight weight) => new(from.Name + "/codes") { Constant = weight };

    private static Tensor Transposed(Weight w)
    {
        var (x, y) = (w.ToF32(), Tensor.Allocate(DType.F32, new Shape(w.Shape[1], w.Shape[0])));
        int rows = w.Shape.Int(0), columns = w.Shape.Int(1);
        for (int r = 0; r < rows; r++) for (int c = 0; c < columns; c++) y.Span<float>()[c * rows + r] = x.Span<float>()[r * columns + c];
        return y;
    }

    /// <summary>Symmetric codes along the columns; the scale of a group is its largest magnitude over the largest code, for ternary codes the mean magnitude.</summary>
    public static Quantized Weight(Tensor w, int bits, int group)
    {
        int rows = w.Shape.Int(0), columns = w.Shape.Int(1), groups = (columns + group - 1) / group;
        var codes = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(w.Shape.Elements, bits)));
        var scales = Tensor.Allocate(DType.F32, new Shape(rows, groups));
        int most = bits == 2 ? 1 : (1 << (bits - 1)) - 1;
        for (int g = 0; g < rows * groups; g++)
        {
            int first = g / groups * columns + g % groups * group;
            var x = w.Span<float>().Slice(first, Math.Min(group, (g / groups + 1) * columns - first));
            float largest = 0, sum = 0;
            foreach (float v in x) (largest, sum) = (Math.Max(largest, Math.Abs(v)), sum + Math.Abs(v));
            float scale = bits == 2 ? sum / x.Length : largest / most;
            scales.Span<float>()[g] = scale;
            for (int i = 0; i < x.Length; i++)
                BitStream.Set(codes.Bytes, first + i, bits, most + 1 - (bits == 2 ? 1 : 0) + (scale == 0 ? 0 : Math.Clamp((int)MathF.Round(x[i] / scale), -most, most)));
        }
        return new Quantized(w.Shape, bits, codes, Granularity.Group, new Dense(scales), bits == 2 ? new Dense(Tensor.Vector<byte>(1)) : null, axis: 1, group: group);
    }
}
