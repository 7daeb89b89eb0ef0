using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>A block of attention over [1, T, D] as exporters write it, with the mask made by <paramref name="mask"/> of the input and the scores.</summary>
internal sealed class AttentionNetworks(Func<GraphBuilder, Value, Value, Value> mask, int lookAhead = 0, bool perHead = false)
{
    public const int Width = 8, Heads = 2, HeadWidth = 4;

    public ModelGraph Graph()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        var y = x;
        if (lookAhead > 0)
        {
            y = Swap(b, b.Op("Conv", 13, [Swap(b, x), Weights(b, 9, Width, Width, 2 * lookAhead + 1)], new() { ["pads"] = new long[] { lookAhead, lookAhead } }));
            y = b.Op("Add", 13, [x, y]);
        }
        var q = Split(b, b.Op("MatMul", 13, [y, Weights(b, 1, Width, Width)]), 0, 2, 1, 3);
        var k = Split(b, b.Op("MatMul", 13, [lookAhead > 1 ? x : y, Weights(b, 2, Width, Width)]), 0, 2, 3, 1);
        var v = Split(b, b.Op("MatMul", 13, [y, Weights(b, 3, Width, Width)]), 0, 2, 1, 3);
        var scores = b.Op("Div", 13, [b.Op("MatMul", 13, [q, k]), b.Constant(Tensor.Scalar(2f))]);
        var weights = b.Op("Softmax", 13, [mask(b, x, scores)], new() { ["axis"] = -1L });
        if (perHead) weights = b.Op("Where", 13, [b.Op("IsNaN", 13, [weights]), b.Constant(Tensor.Scalar(0f)), weights]);
        var heads = b.Op("Transpose", 13, [b.Op("MatMul", 13, [weights, v])], new() { ["perm"] = new long[] { 0, 2, 1, 3 } });
        var joined = b.Op("Reshape", 13, [heads, b.Constant(Tensor.Vector<long>(0, 0, Width))]);
        b.Output(b.Op("Add", 13, [y, b.Op("MatMul", 13, [joined, Weights(b, 4, Width, Width)])]));
        return b.Graph;
    }

    private static Value Swap(GraphBuilder b, Value x) => b.Op("Transpose", 13, [x], new() { ["perm"] = new long[] { 0, 2, 1 } });

    private static Value Split(GraphBuilder b, Value x, params long[] perm) =>
        b.Op("Transpose", 13, [b.Op("Reshape", 13, [x, b.Constant(Tensor.Vector<long>(0, 0, Heads, HeadWidth))])], new() { ["perm"] = perm });

    public static Value Weights(GraphBuilder b, int seed, params long[] dims) => b.Constant(Tensor.From(new Shape(dims), TestData.Floats((int)new Shape(dims).Elements, seed)));

    /// <summary>A mask [frames, frames] of numbers: what <paramref name="of"/> says of i − j, −∞ where null.</summary>
    public static Tensor Constant(int frames, Func<int, float?> of, params float[] slopes)
    {
        if (slopes.Length == 0) slopes = [1];
        var t = new float[slopes.Length * frames * frames];
        for (int h = 0; h < slopes.Length; h++)
            for (int i = 0; i < frames; i++)
                for (int j = 0; j < frames; j++) t[(h * frames + i) * frames + j] = of(i - j) is { } v ? v * slopes[h] : float.NegativeInfinity;
        return Tensor.From(slopes.Length == 1 ? new Shape(frames, frames) : new Shape(1, slopes.Length, frames, frames), t);
    }

    /// <summary>Frames of x, a scalar.</summary>
    public static Value Frames(GraphBuilder b, Value x) => b.Op("Gather", 13, [b.Op("Shape", 13, [x]), b.Constant(Tensor.Scalar(1L))]);

    /// <summary>i − j of query and key, [frames, frames], from positions.</summary>
    public static Value Distance(GraphBuilder b, Value x)
    {
        var at = b.Op("Range", 13, [b.Constant(Tensor.Scalar(0L)), Frames(b, x), b.Constant(Tensor.Scalar(1L))]);
        return b.Op("Sub", 14, [b.Op("Unsqueeze", 13, [at, b.Constant(Tensor.Vector<long>(1))]), b.Op("Unsqueeze", 13, [at, b.Constant(Tensor.Vector<long>(0))])]);
    }
}
