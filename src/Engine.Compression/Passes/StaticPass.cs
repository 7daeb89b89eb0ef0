using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Pieces of a QDQ graph: pairs on wires, biases as i32 codes.</summary>
internal static class StaticPass
{
    // Every operator here means the same from opset 13 on; the writer of a file checks what it needs.
    private const int Opset = 13;

    /// <summary>The grid of a range that holds zero: u8 with a zero point, or i8 around zero.</summary>
    public static WireQuantization Grid((float Low, float High) range, bool signed)
    {
        if (signed) return new(DType.I8, Positive(MathF.Max(-range.Low, range.High) / 127), 0);
        float scale = Positive((range.High - range.Low) / 255);
        return new(DType.U8, scale, (int)Math.Clamp(MathF.Round(-range.Low / scale), 0, 255));
    }

    /// <summary>QuantizeLinear and DequantizeLinear on a wire, and the wire behind them.</summary>
    public static (Node Quantize, Node Dequantize, Value Rounded) Pair(Value wire, WireQuantization grid)
    {
        var scale = Value.Of($"{wire.Name}_scale", Tensor.Scalar(grid.Scale));
        var zero = Value.Of($"{wire.Name}_zero_point", grid.Code == DType.I8 ? Tensor.Scalar((sbyte)grid.Zero) : Tensor.Scalar((byte)grid.Zero));
        Value codes = new($"{wire.Name}_quantized"), rounded = new($"{wire.Name}_dequantized", wire.Declared);
        var attributes = new Attributes(Opset) { InputCount = 3 };
        return (new Node($"{wire.Name}_quantize", new QuantizeLinear(attributes), [wire, scale, zero], [codes]),
            new Node($"{wire.Name}_dequantize", new DequantizeLinear(attributes), [codes, scale, zero], [rounded]), rounded);
    }

    /// <summary>A bias as i32 codes with scale input · weight a channel, and the wire that holds its value.</summary>
    public static (Node Dequantize, Value Bias) Bias(string name, ReadOnlySpan<float> bias, float inputScale, float[] weightScales)
    {
        int n = bias.Length;
        Tensor codes = Tensor.Allocate(DType.I32, new Shape(n)), scales = Tensor.Allocate(DType.F32, new Shape(n));
        for (int i = 0; i < n; i++)
        {
            float s = inputScale * weightScales[i];
            scales.Span<float>()[i] = s;
            codes.Span<int>()[i] = (int)Math.Clamp(Math.Round((double)bias[i] / s), int.MinValue, int.MaxValue);
        }
        var y = new Value($"{name}_bias");
        var attributes = new Attributes(Opset, new Dictionary<string, object> { ["axis"] = 0L }) { InputCount = 2 };
        return (new Node($"{name}_bias_dequantize", new DequantizeLinear(attributes), [Value.Of($"{name}_bias_codes", codes), Value.Of($"{name}_bias_scale", scales)], [y]), y);
    }

    /// <summary>Values rounded to a grid, as the layer reads them.</summary>
    public static float[] Round(float[] x, WireQuantization grid) => Array.ConvertAll(x, v => grid.Decode(grid.Encode(v)));

    private static float Positive(float scale) => scale > float.Epsilon * 1e6f && float.IsFinite(scale) ? scale : 1;
}
