using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Builds graphs in the form that quantizers emit: QuantizeLinear → DequantizeLinear around every operator.</summary>
internal sealed class QdqGraph(int seed)
{
    private readonly Random _random = new(seed);
    private int _names;

    public ModelGraph Graph { get; } = new("qdq");

    public Value Input(params long[] dims)
    {
        var v = new Value("x", new DeclaredType.Tensor(DType.F32, [.. dims.Select(d => new Dim(d))]));
        Graph.Inputs.Add(v);
        return v;
    }

    public Value Node(string op, Value?[] inputs, Dictionary<string, object>? attributes = null, int opset = 13)
    {
        var y = new Value($"v{_names++}");
        Graph.Nodes.Add(new Node($"{op}{_names}", OperatorRegistry.Standard.Create("", op, new Attributes(opset, attributes) { InputCount = inputs.Length }, op), inputs, [y]));
        return y;
    }

    public Value Constant(Tensor t) => Value.Of($"c{_names++}", t);

    /// <summary>Quantize and dequantize on one grid.</summary>
    public Value Pair(Value x, float scale, int zero, DType code = DType.U8)
    {
        var (s, z) = (Constant(Tensor.Scalar(scale)), Constant(code == DType.U8 ? Tensor.Scalar((byte)zero) : Tensor.Scalar((sbyte)zero)));
        return Node("DequantizeLinear", [Node("QuantizeLinear", [x, s, z]), s, z]);
    }

    /// <summary>A dequantized 8-bit weight with a scale an index of the axis (or one scale), without zero points.</summary>
    public Value Weight(int axis, float scale, params long[] dims)
    {
        var shape = new Shape(dims);
        var codes = Tensor.Allocate(DType.I8, shape);
        _random.NextBytes(codes.Bytes);
        var scales = Tensor.Allocate(DType.F32, axis < 0 ? Shape.Scalar : new Shape(shape[axis]));
        foreach (ref float s in scales.Span<float>()) s = scale * (0.5f + (float)_random.NextDouble());
        return Node("DequantizeLinear", [Constant(codes), Constant(scales), null], new() { ["axis"] = (long)Math.Max(0, axis) });
    }

    /// <summary>A dequantized 32-bit bias.</summary>
    public Value Bias(long count, float scale)
    {
        var codes = Tensor.Allocate(DType.I32, new Shape(count));
        foreach (ref int c in codes.Span<int>()) c = _random.Next(-500, 500);
        return Node("DequantizeLinear", [Constant(codes), Constant(Tensor.Scalar(scale)), null], new() { ["axis"] = 0L });
    }

    public Tensor Random(params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float v in t.Span<float>()) v = (float)(_random.NextDouble() * 4 - 2);
        return t;
    }
}
