using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Small models of [1, 3, T] that differ in what they keep from hop to hop.</summary>
internal static class SensorStack
{
    public const int Channels = 3, Hop = 8, Window = 32;

    /// <summary>"convolutions" follows the signal; "recurrent" too, with an LSTM at its end; "windows" ends with a dense head, "attention" with a Reshape to a batch of 1 before it; "joined" sums over its batch.</summary>
    public static StreamModel Model(string kind, ModelOptions? options = null) => StreamModel.Create(new ModelDefinition(Network(kind)), new StreamOptions
    {
        Axis = 2,
        Hop = Hop,
        Window = kind is "windows" or "attention" ? Window : 0,
        Shapes = new Dictionary<string, Shape> { ["x"] = new(1, Channels, 64) },
    }, options);

    public static ModelGraph Network(string kind)
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        x = Conv(b, x, Channels, 16, 5, 2, 8, 0, 1);
        x = b.Op("Add", 13, [x, Conv(b, x, 16, 16, 3, 1, 1, 1, 2)]);
        x = b.Op("AveragePool", 13, [x], new() { ["kernel_shape"] = new long[] { 2 }, ["strides"] = new long[] { 2 } });
        x = b.Op("Relu", 13, [Conv(b, x, 16, 5, 3, 1, 1, 1, 3)]);
        b.Output(kind switch
        {
            "recurrent" => Lstm(b, b.Op("Transpose", 13, [x], new() { ["perm"] = new long[] { 2, 0, 1 } })),
            "windows" => b.Op("Gemm", 13, [b.Op("Flatten", 13, [x]), Weights(b, 4, 5 * Window / 2, 3), Weights(b, 5, 3)]),
            "attention" => b.Op("Gemm", 13, [b.Op("Flatten", 13, [b.Op("Softmax", 13, [b.Op("Reshape", 13, [x, b.Constant(Tensor.Vector<long>([1, 5, Window / 4, 2]))])], new() { ["axis"] = 2L })]), Weights(b, 4, 5 * Window / 2, 3), Weights(b, 5, 3)]),
            "joined" => b.Op("Add", 13, [x, b.Op("ReduceSum", 13, [x, b.Constant(Tensor.Vector<long>([0]))])]),
            _ => x,
        });
        return b.Graph;
    }

    private static Value Lstm(GraphBuilder b, Value x) => b.Op("LSTM", 14, [x, Weights(b, 6, 1, 16, 5), Weights(b, 7, 1, 16, 4), Weights(b, 8, 1, 32)], new() { ["hidden_size"] = 4L });

    private static Value Weights(GraphBuilder b, int seed, params long[] dims) => b.Constant(Tensor.From(new Shape(dims), TestData.Floats((int)new Shape(dims).Elements, seed)));

    private static Value Conv(GraphBuilder b, Value x, int from, int to, int k, int dilation, int begin, int end, int seed) =>
        b.Op("Conv", 13, [x, Weights(b, seed, to, from, k)], new() { ["dilations"] = new long[] { dilation }, ["pads"] = new long[] { begin, end } });
}
