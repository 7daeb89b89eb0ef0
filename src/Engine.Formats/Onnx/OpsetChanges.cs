namespace Engine.Formats.Onnx;

/// <summary>Where operators of the ONNX domain changed so that a node of an older opset means something else, or nothing, under a newer one.</summary>
internal static class OpsetChanges
{
    // Versions that only widen types or add attributes with a default that keeps the meaning are not here.
    private static readonly Dictionary<string, int[]> s_changes = new(StringComparer.Ordinal)
    {
        ["Add"] = [7],
        ["Sub"] = [7],
        ["Mul"] = [7],
        ["Div"] = [7],
        ["Pow"] = [7],
        ["PRelu"] = [7],
        ["Gemm"] = [7],
        ["And"] = [7],
        ["Or"] = [7],
        ["Xor"] = [7],
        ["Equal"] = [7],
        ["Greater"] = [7],
        ["Less"] = [7],
        ["BatchNormalization"] = [7, 9, 14],
        ["InstanceNormalization"] = [6],
        ["GroupNormalization"] = [21],
        ["Dropout"] = [7, 10, 12],
        ["Clip"] = [11],
        ["Concat"] = [4],
        ["Cast"] = [6],
        ["Reshape"] = [5],
        ["Tile"] = [6],
        ["Pad"] = [2, 11],
        ["Slice"] = [10],
        ["Split"] = [2, 13, 18],
        ["Squeeze"] = [13],
        ["Unsqueeze"] = [13],
        ["TopK"] = [10],
        ["Upsample"] = [7, 9, 10],
        ["Resize"] = [11],
        ["Scatter"] = [11],
        ["Scan"] = [9],
        ["Softmax"] = [13],
        ["LogSoftmax"] = [13],
        ["Hardmax"] = [13],
        ["ReduceSum"] = [13],
        ["ReduceMean"] = [18],
        ["ReduceMax"] = [18],
        ["ReduceMin"] = [18],
        ["ReduceProd"] = [18],
        ["ReduceL1"] = [18],
        ["ReduceL2"] = [18],
        ["ReduceLogSum"] = [18],
        ["ReduceLogSumExp"] = [18],
        ["ReduceSumSquare"] = [18],
        ["RNN"] = [7],
        ["GRU"] = [7],
        ["LSTM"] = [7],
        ["GridSample"] = [20],
        ["RoiAlign"] = [16],
        ["DFT"] = [20],
    };

    /// <summary>True when a node written for one opset means the same under the other.</summary>
    public static bool Same(string op, int a, int b) =>
        a == b || !s_changes.TryGetValue(op, out var at) || !at.Any(v => v > Math.Min(a, b) && v <= Math.Max(a, b));
}
