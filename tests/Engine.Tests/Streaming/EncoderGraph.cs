using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Transformer encoders over windows of tokens [1, N, C], attention written out as exporters do; y is a class of the newest token, of all of them on average, or all tokens.</summary>
internal static class EncoderGraph
{
    public const int Inputs = 6, Heads = 4, Wide = 32;

    public static ModelGraph Of(int tokens, int layers, string head, float spread = 1)
    {
        var b = new GraphBuilder();
        var x = new Value("x", new DeclaredType.Tensor(DType.F32, [new Dim(1), new Dim(tokens), new Dim(Inputs)]));
        b.Graph.Inputs.Add(x);
        int seed = 1;
        Value W(params long[] dims)
        {
            float scale = 1.7f / MathF.Sqrt(dims[0]);
            return b.Constant(Tensor.From(new Shape(dims), [.. TestData.Floats((int)new Shape(dims).Elements, seed++).Select(v => v * scale)]));
        }
        Value Longs(params long[] v) => b.Constant(Tensor.Vector<long>(v));
        Value Norm(Value v) => b.Op("LayerNormalization", 17, [v, W(Wide), W(Wide)], new() { ["axis"] = -1L });
        x = b.Op("MatMul", 13, [x, W(Inputs, Wide)]);
        for (int i = 0; i < layers; i++)
        {
            Value Split(params long[] order) => b.Op("Transpose", 13, [b.Op("Reshape", 13, [b.Op("MatMul", 13, [x, W(Wide, Wide)]), Longs(0, -1, Heads, Wide / Heads)])], new() { ["perm"] = order });
            Value q = Split(0, 2, 1, 3), k = Split(0, 2, 3, 1), v = Split(0, 2, 1, 3);
            var scores = b.Op("Mul", 13, [b.Op("MatMul", 13, [q, k]), b.Constant(Tensor.Scalar(spread / MathF.Sqrt(Wide / Heads)))]);
            var mixed = b.Op("MatMul", 13, [b.Op("Softmax", 13, [scores], new() { ["axis"] = -1L }), v]);
            mixed = b.Op("Reshape", 13, [b.Op("Transpose", 13, [mixed], new() { ["perm"] = new long[] { 0, 2, 1, 3 } }), Longs(0, -1, Wide)]);
            x = Norm(b.Op("Add", 13, [x, b.Op("MatMul", 13, [mixed, W(Wide, Wide)])]));
            x = Norm(b.Op("Add", 13, [b.Op("MatMul", 13, [b.Op("Relu", 13, [b.Op("MatMul", 13, [x, W(Wide, 2 * Wide)])]), W(2 * Wide, Wide)]), x]));
        }
        x = head switch
        {
            "gather" => b.Op("Gather", 13, [x, b.Constant(Tensor.Scalar((long)tokens - 1))], new() { ["axis"] = 1L }),
            "slice" => b.Op("Slice", 13, [x, Longs(-1), Longs(long.MaxValue), Longs(1)]),
            "mean" => b.Op("ReduceMean", 13, [x], new() { ["axes"] = new long[] { 1 }, ["keepdims"] = 0L }),
            _ => x,
        };
        b.Output(b.Op("MatMul", 13, [x, W(Wide, 3)]));
        return b.Graph;
    }
}
