using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Compares a compressed graph's outputs with those of the float graph on the calibration samples.</summary>
internal static class Drop
{
    private const int MostClasses = 100_000;

    public static DropReport Measure(ModelGraph compressed, CalibrationData data, IReadOnlyList<IReadOnlyList<RuntimeValue>> exact, KernelRegistry kernels, Workers workers, Action<string> step, CancellationToken cancellation)
    {
        var graph = Decoded(compressed);
        var pairs = new List<(float[], float[])>();
        int rows = 0, changed = 0, right = 0, rightBefore = 0;
        bool classes = true;
        for (int s = 0; s < data.Inputs.Count; s++)
        {
            step($"check sample {s + 1}");
            var outputs = new Interpreter(kernels, workers).Run(graph, graph.Inputs.ConvertAll(v => data.Inputs[s][v.Name]), cancellation);
            for (int o = 0; o < outputs.Count; o++)
                if (outputs[o] is Tensor { DType: DType.F32 } t && exact[s][o] is Tensor { DType: DType.F32 } e && t.Shape == e.Shape) pairs.Add((e.Span<float>().ToArray(), t.Span<float>().ToArray()));
            if (outputs[0] is not Tensor { DType: DType.F32, Shape.Rank: 2 } y || y.Shape[1] is < 2 or > MostClasses || exact[s][0] is not Tensor x || x.Shape != y.Shape)
            {
                classes = false;
                continue;
            }
            int n = y.Shape.Int(1);
            for (int r = 0; r < y.Shape.Int(0); r++, rows++)
            {
                int now = Best(y.Span<float>().Slice(r * n, n)), before = Best(x.Span<float>().Slice(r * n, n));
                if (now != before) changed++;
                if (rows >= data.Labels.Count) continue;
                if (now == data.Labels[rows]) right++;
                if (before == data.Labels[rows]) rightBefore++;
            }
        }
        var error = OutputError.Of(pairs);
        if (data.Labels.Count > 0)
        {
            if (!classes || rows != data.Labels.Count) throw new InputException(classes ? $"{data.Labels.Count} labels are given for {rows} rows of output" : "labels need an output of class scores, [rows, classes], as the first one");
            return new("accuracy", (rightBefore - right) / (double)rows, rightBefore / (double)rows, right / (double)rows, error);
        }
        return classes && rows > 0 ? new("classes", changed / (double)rows, null, null, error) : new("outputs", error.RelativeRmse, null, null, error);
    }

    // Weights are decoded once, not for every sample.
    private static ModelGraph Decoded(ModelGraph graph)
    {
        var dense = new Dictionary<Value, Value>();
        Value? Map(Value? v)
        {
            if (v?.Constant is null or Dense) return v;
            return dense.TryGetValue(v, out var d) ? d : dense[v] = Value.Of(v.Name, v.Constant.Decode());
        }
        var y = new ModelGraph(graph.Name) { Nodes = graph.Nodes.ConvertAll(n => new Node(n.Name, n.Op, [.. n.Inputs.Select(Map)], n.Outputs)) };
        y.Inputs.AddRange(graph.Inputs);
        y.Outputs.AddRange(graph.Outputs);
        return y;
    }

    private static int Best(ReadOnlySpan<float> scores)
    {
        int best = 0;
        for (int i = 1; i < scores.Length; i++) if (scores[i] > scores[best]) best = i;
        return best;
    }
}
