using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Layers whose streaming forms are more than windows.</summary>
internal sealed partial class RandomStack
{
    private Value Resized(Value x)
    {
        int factor = 1 + _r.Next(3);
        var (mode, coordinates) = _r.Next(4) switch { 0 => ("nearest", "asymmetric"), 1 => ("linear", "asymmetric"), _ => ("linear", "half_pixel") };
        var scales = new float[_rank];
        Array.Fill(scales, 1);
        scales[_axis] = factor;
        Description.Add($"resize {mode} {coordinates} by {factor}");
        return _b.Op("Resize", 13, [x, null, _b.Constant(Tensor.Vector<float>(scales))], new() { ["mode"] = mode, ["coordinate_transformation_mode"] = coordinates, ["nearest_mode"] = "floor" });
    }

    private Value Recurrent(Value x)
    {
        if (_r.Next(3) > 0)
        {
            Description.Add("running sum");
            var sum = _b.Op("CumSum", 14, [x, _b.Constant(Tensor.Scalar((long)_axis))], new() { ["exclusive"] = (long)_r.Next(2) });
            // Sums grow: what follows sees them small.
            return _b.Op("Mul", 13, [sum, _b.Constant(Tensor.Scalar(0.1f))]);
        }
        Description.Add("moving average");
        var body = new GraphBuilder();
        Value h = body.Input("h", DType.F32), frame = body.Input("frame", DType.F32);
        var next = body.Op("Add", 14, [body.Op("Mul", 14, [h, body.Constant(Tensor.Scalar(0.8f))]), frame]);
        body.Output(next);
        body.Output(next);
        var start = new long[_rank - 1];
        Array.Fill(start, 3);
        (start[0], start[1]) = (1, _channels);
        if (_rank == 3) start = [1, _channels];
        return _b.Ops("Scan", 16, [_b.Constant(Tensor.Allocate(DType.F32, new Shape(start))), x], new() { ["body"] = body.Graph, ["num_scan_inputs"] = 1L, ["scan_input_axes"] = new[] { (long)_axis }, ["scan_output_axes"] = new[] { (long)_axis } }, 2)[1];
    }

    // Queries, keys and values are the frames themselves; a band of positions.
    private Value Attention(Value x)
    {
        if (_rank != 3) return Dense(x);
        long before = _r.Next(7), after = _r.Next(3);
        Description.Add($"attention {before} back, {after} ahead");
        Value Axes(params long[] axes) => _b.Constant(Tensor.Vector<long>(axes));
        var rows = _b.Op("Transpose", 13, [x], new() { ["perm"] = new long[] { 0, 2, 1 } });
        var at = _b.Op("Range", 13, [_b.Constant(Tensor.Scalar(0L)), _b.Op("Gather", 13, [_b.Op("Shape", 13, [x]), _b.Constant(Tensor.Scalar(2L))]), _b.Constant(Tensor.Scalar(1L))]);
        var distance = _b.Op("Sub", 14, [_b.Op("Unsqueeze", 13, [at, Axes(1)]), _b.Op("Unsqueeze", 13, [at, Axes(0)])]);
        var hidden = _b.Op("Or", 13, [_b.Op("Less", 13, [distance, _b.Constant(Tensor.Scalar(-after))]), _b.Op("Greater", 13, [distance, _b.Constant(Tensor.Scalar(before))])]);
        var scores = _b.Op("Mul", 13, [_b.Op("MatMul", 13, [_b.Op("MatMul", 13, [rows, Weights(_channels, _channels)]), x]), _b.Constant(Tensor.Scalar(0.1f))]);
        var weights = _b.Op("Softmax", 13, [_b.Op("Where", 13, [hidden, _b.Constant(Tensor.Scalar(float.NegativeInfinity)), scores])], new() { ["axis"] = -1L });
        return _b.Op("Transpose", 13, [_b.Op("MatMul", 13, [weights, rows])], new() { ["perm"] = new long[] { 0, 2, 1 } });
    }
}
