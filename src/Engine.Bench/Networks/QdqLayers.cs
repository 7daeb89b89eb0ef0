using Engine.Tensors;

namespace Engine.Bench;

/// <summary>
/// Makes a generated network an int8 one in the form that ONNX Runtime's quantizer writes: QuantizeLinear and DequantizeLinear on every
/// activation, weights as i8 codes with a scale an output channel, biases as i32. Activations are u8 with a scale a tensor.
/// </summary>
internal sealed class QdqLayers(OnnxBuilder model)
{
    private readonly Dictionary<string, (string Scale, string Zero, float Step)> _grids = [];

    /// <summary>The wire rounded to 256 steps of [0, <paramref name="range"/>], or of [−range, range] where it may be negative.</summary>
    public string Activation(string wire, double range, bool negative)
    {
        float step = (float)((negative ? 2 : 1) * range / 255);
        return Rounded(wire, (model.Constant($"{wire}.scale", () => NetworkWeights.Scalar(step)), model.Constant(negative ? "middle" : "bottom", () => Tensor.From(Shape.Scalar, [(byte)(negative ? 128 : 0)])), step));
    }

    /// <summary>The wire rounded to the steps of another, for operators that only pick values.</summary>
    public string Like(string wire, string other) => Rounded(wire, _grids[other]);

    /// <summary>A weight of so many output channels along <paramref name="axis"/>, rounded to i8, and the scale of each channel.</summary>
    public (string Wire, float[] Scales) Weight(string name, Tensor values, int axis = 0)
    {
        int channels = values.Shape.Int(axis), inner = (int)values.Shape.Product(axis + 1, values.Shape.Rank), count = values.Shape.Count;
        var scales = new float[channels];
        var v = values.Span<float>();
        for (int i = 0; i < count; i++) scales[i / inner % channels] = MathF.Max(scales[i / inner % channels], MathF.Abs(v[i]) / 127);
        for (int c = 0; c < channels; c++) scales[c] = scales[c] == 0 ? 1 : scales[c];
        var codes = Tensor.Allocate(DType.I8, values.Shape);
        for (int i = 0; i < count; i++) codes.Span<sbyte>()[i] = (sbyte)Math.Clamp(MathF.Round(v[i] / scales[i / inner % channels]), -127, 127);
        return (Constant(name, codes, scales, Tensor.Allocate(DType.I8, new Shape(channels)), axis), scales);
    }

    /// <summary>A bias on the grid of the sums of <paramref name="x"/> with a weight.</summary>
    public string Bias(string name, Tensor values, string x, float[] weightScales)
    {
        float[] scales = [.. weightScales.Select(s => s * _grids[x].Step)];
        var codes = Tensor.Allocate(DType.I32, values.Shape);
        for (int c = 0; c < scales.Length; c++) codes.Span<int>()[c] = (int)Math.Round((double)values.Span<float>()[c] / scales[c]);
        return Constant(name, codes, scales, Tensor.Allocate(DType.I32, values.Shape), 0);
    }

    private string Rounded(string wire, (string Scale, string Zero, float Step) grid)
    {
        string y = model.Node("DequantizeLinear", [model.Node("QuantizeLinear", [wire, grid.Scale, grid.Zero]), grid.Scale, grid.Zero]);
        _grids[y] = grid;
        return y;
    }

    private string Constant(string name, Tensor codes, float[] scales, Tensor zeros, long axis) => model.Node("DequantizeLinear",
        [model.Constant($"{name}.codes", () => codes), model.Constant($"{name}.scale", () => Tensor.From(new Shape(scales.Length), scales)), model.Constant($"{name}.zero", () => zeros)], ("axis", axis));
}
