using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Every operator on codes must equal dequantize, the plain operator, quantize.</summary>
public class QLinearTests
{
    private const string Microsoft = "com.microsoft";

    public static TheoryData<DType> Types => new(DType.U8, DType.I8);

    [Theory, MemberData(nameof(Types))]
    public void Binary_operators_broadcast(DType type)
    {
        var g = new Grids(type);
        foreach (var (a, b) in new[] { (new Shape(2, 3, 70), new Shape(2, 3, 70)), (new Shape(4, 1, 5), new Shape(3, 1)), (new Shape(3), new Shape()), (new Shape(0, 3), new Shape(3)) })
            foreach (string op in new[] { "Add", "Mul" })
            {
                var (x, z) = (g.Codes(a), g.Codes(b));
                var y = OpRunner.One("QLinear" + op, 1, [x, g.ScaleX, g.ZeroX, z, g.ScaleZ, g.ZeroZ, g.ScaleY, g.ZeroY], domain: Microsoft);
                AssertCodes(g.Y(OpRunner.One(op, 14, [g.X(x), g.Z(z)])), y);
            }
    }

    [Theory, MemberData(nameof(Types))]
    public void Functions_of_one_element_and_softmax(DType type)
    {
        var g = new Grids(type);
        var x = g.Codes(new Shape(3, 4, 5));
        Check("LeakyRelu", 16, new() { ["alpha"] = 0.2f }, []);
        Check("Sigmoid", 13, [], []);
        Check("Softmax", 13, new() { ["axis"] = 1L }, []);
        Check("Softmax", 11, new() { ["axis"] = 1L }, new() { ["opset"] = 11L });
        Check("GlobalAveragePool", 13, [], []);

        void Check(string op, int opset, Dictionary<string, object> attributes, Dictionary<string, object> more)
        {
            var y = OpRunner.One("QLinear" + op, 1, [x, g.ScaleX, g.ZeroX, g.ScaleY, g.ZeroY], attributes.Concat(more).ToDictionary(), Microsoft);
            AssertCodes(g.Y(OpRunner.One(op, opset, [g.X(x)], attributes)), y);
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void Pools_in_either_channel_order(DType type)
    {
        var g = new Grids(type);
        var x = g.Codes(new Shape(2, 3, 7, 6));
        var window = new Dictionary<string, object> { ["kernel_shape"] = new long[] { 3, 2 }, ["strides"] = new long[] { 2, 1 }, ["pads"] = new long[] { 1, 0, 1, 1 } };
        var last = new Dictionary<string, object>(window) { ["channels_last"] = 1L };
        var average = g.Y(OpRunner.One("AveragePool", 11, [g.X(x)], window));
        AssertCodes(average, OpRunner.One("QLinearAveragePool", 1, [x, g.ScaleX, g.ZeroX, g.ScaleY, g.ZeroY], window, Microsoft));
        AssertCodes(Nhwc(average), OpRunner.One("QLinearAveragePool", 1, [Nhwc(x), g.ScaleX, g.ZeroX, g.ScaleY, g.ZeroY], last, Microsoft));
        var mean = g.Y(OpRunner.One("GlobalAveragePool", 1, [g.X(x)]));
        AssertCodes(Nhwc(mean), OpRunner.One("QLinearGlobalAveragePool", 1, [Nhwc(x), g.ScaleX, g.ZeroX, g.ScaleY, g.ZeroY], new() { ["channels_last"] = 1L }, Microsoft));
        Assert.Equal(Nhwc(OpRunner.One("MaxPool", 12, [x], window)).Bytes.ToArray(), OpRunner.One("NhwcMaxPool", 1, [Nhwc(x)], window, Microsoft).Bytes.ToArray());
    }

    [Theory, MemberData(nameof(Types))]
    public void Concat_and_where_bring_operands_to_one_grid(DType type)
    {
        var g = new Grids(type);
        var (x, z) = (g.Codes(new Shape(2, 3, 4)), g.Codes(new Shape(2, 5, 4)));
        var joined = OpRunner.One("QLinearConcat", 1, [g.ScaleY, g.ZeroY, x, g.ScaleX, g.ZeroX, z, g.ScaleZ, g.ZeroZ], new() { ["axis"] = 1L }, Microsoft);
        AssertCodes(g.Y(OpRunner.One("Concat", 13, [g.X(x), g.Z(z)], new() { ["axis"] = 1L })), joined);
        var condition = Tensor.From(new Shape(2, 1, 1), new[] { true, false });
        var w = g.Codes(new Shape(4));
        AssertCodes(g.Y(OpRunner.One("Where", 16, [condition, g.X(x), g.Z(w)])), OpRunner.One("QLinearWhere", 1, [condition, x, g.ScaleX, g.ZeroX, w, g.ScaleZ, g.ZeroZ, g.ScaleY, g.ZeroY], domain: Microsoft));
    }

    private static Tensor Nhwc(Tensor t) => OpRunner.One("Transpose", 13, [t], new() { ["perm"] = new long[] { 0, 2, 3, 1 } });

    // Sums may be rounded in another order: a tie may fall to the neighbour.
    private static void AssertCodes(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.Type, actual.Type);
        int different = 0;
        for (int i = 0; i < expected.Shape.Count; i++)
        {
            int d = Math.Abs(QuantCodes.Read(expected.DType, expected.Bytes, i) - QuantCodes.Read(actual.DType, actual.Bytes, i));
            Assert.InRange(d, 0, 1);
            different += d;
        }
        Assert.InRange(different, 0, expected.Shape.Count / 50);
    }

    private sealed class Grids(DType type)
    {
        private readonly Random _random = new(17);

        public Tensor ScaleX { get; } = Tensor.Scalar(0.031f);
        public Tensor ScaleZ { get; } = Tensor.Scalar(0.017f);
        public Tensor ScaleY { get; } = Tensor.Scalar(0.043f);
        public Tensor ZeroX { get; } = Zero(type, 7);
        public Tensor ZeroZ { get; } = Zero(type, 101);
        public Tensor ZeroY { get; } = Zero(type, 35);

        public Tensor Codes(Shape shape) => IntegerProductTests.Codes(_random, type, shape);

        public Tensor X(Tensor t) => OpRunner.One("DequantizeLinear", 13, [t, ScaleX, ZeroX]);

        public Tensor Z(Tensor t) => OpRunner.One("DequantizeLinear", 13, [t, ScaleZ, ZeroZ]);

        public Tensor Y(Tensor t) => OpRunner.One("QuantizeLinear", 13, [t, ScaleY, ZeroY]);

        private static Tensor Zero(DType type, int code) => type == DType.U8 ? Tensor.Scalar((byte)code) : Tensor.Scalar((sbyte)(code - 64));
    }
}
